from irnet_hw.verilog.writer import Port, instance, module, stream

WHOLE = """// outer: an example.
//
// It has a stream.

(* keep *)
module outer (
    // the clock
    input  wire clk,
    input  wire [7:0] in0_V_TDATA,
    input  wire in0_V_TVALID,
    output wire in0_V_TREADY
);

    inner #(
        .A(1),
        .B("two")
    ) first (
        .clk(clk),
        .data(in0_V_TDATA[3:0])
    );

endmodule
"""


def test_a_module_with_an_instance_in_it():
    ports = [Port("clk", True, above=("// the clock",)), *stream("in0_V", 8, incoming=True)]
    connections = {"clk": "clk", "data": "in0_V_TDATA[3:0]"}
    body = instance("inner", "first", connections, {"A": 1, "B": '"two"'})
    about = ["outer: an example.", "", "It has a stream."]
    assert module("outer", ports, body, about, "(* keep *)", net="wire") == WHOLE


def test_what_is_not_given_is_not_written():
    written = module("outer", [Port("y", False, 1)], instance("inner", "only", {"y": "y"}))
    assert written == (
        "module outer (\n    output logic [0:0] y\n);\n\n"
        "    inner only (\n        .y(y)\n    );\n\nendmodule\n"
    )


def test_the_ports_of_an_output_stream_go_the_other_way():
    assert stream("out0_V", 16, incoming=False) == [
        Port("out0_V_TDATA", False, 16),
        Port("out0_V_TVALID", False),
        Port("out0_V_TREADY", True),
    ]
