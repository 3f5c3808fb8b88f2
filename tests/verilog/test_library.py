import pytest

from irnet_hw.verilog.library import instances, library, module_files, needed

SOURCES = {
    "leaf": "module leaf (input logic clk);\nendmodule\n",
    "other": "module other; endmodule\n",
    "middle": """module middle #(parameter int W = 1) (input logic clk);
    // other #(
    /* other x();
       other y(); */
    logic other;
    leaf #(
        .W(W)
    ) first (.clk);
    leaf second (.clk);
endmodule
""",
    "top": "module top; middle m(); leaf l(); endmodule\n",
}


def test_a_module_comes_behind_what_it_instantiates():
    assert needed("top", SOURCES.get) == ["leaf", "middle", "top"]
    assert needed("leaf", SOURCES.get) == ["leaf"]


def test_comments_and_signals_do_not_count():
    assert "other" not in instances(SOURCES["middle"])


def test_what_is_not_in_the_library_is_left_out():
    assert needed("top", {"top": SOURCES["top"]}.get) == ["top"]


def test_a_source_can_name_itself():
    assert needed("loop", {"loop": "module loop; loop inner(); endmodule"}.get) == ["loop"]


@pytest.mark.parametrize("module", sorted(library()))
def test_every_library_module_is_in_a_file_of_its_name(module):
    *_, last = module_files(module)
    assert last.stem == module
    assert f"module {module} " in last.read_text()
