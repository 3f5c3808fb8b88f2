"""What is wrong with a design is an error where the compiler sees it; reads past the end of an
array that it can't see give noise."""

import pytest

from tests.bench import compile_bench

PAST_THE_END = """
module past_the_end (input logic clk, input logic [1:0] place, output logic [31:0] found);
    logic [31:0] words[3];
    initial for (int i = 0; i < 3; i++) words[i] = '0;
    always_ff @(posedge clk) found <= words[PLACE];
endmodule
"""

REFUSES = """
module refuses #(parameter int N = 1) (input logic clk);
    if (N > 1) begin : check_n
        $error("refuses: N = %0d, must be at most 1", N);
    end
    logic unused;
    assign unused = clk;
endmodule
"""


def compiled(folder, place):
    source = folder / "past_the_end.sv"
    source.write_text(PAST_THE_END.replace("PLACE", place))
    return compile_bench([source], "past_the_end")


def test_a_constant_place_past_the_end_is_refused(tmp_path):
    with pytest.raises(RuntimeError):
        compiled(tmp_path, "3")


def test_what_is_read_past_the_end_is_noise(tmp_path):
    assert compiled(tmp_path, "place").run("tests.past_the_end_bench", {}) == 1


def test_parameters_that_a_module_refuses_are_an_error(tmp_path):
    source = tmp_path / "refuses.sv"
    source.write_text(REFUSES)
    compile_bench([source], "refuses", {"N": 1})
    with pytest.raises(RuntimeError):
        compile_bench([source], "refuses", {"N": 2})
