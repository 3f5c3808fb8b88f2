"""The FPGA's primitives that the library or the mapping of memories instantiates, for Yosys.

Its own declarations have no parameters that SystemVerilog's reader sees.
"""

from pathlib import Path

#: The file's name in the folder of a run of Yosys.
FILE = "primitives.sv"
_TEXT = """\
(* blackbox *)
module LUT6 #(
    parameter logic [63:0] INIT = '0
) (
    output logic O,
    input  logic I0, I1, I2, I3, I4, I5
);
endmodule

(* blackbox *)
module LUT6_2 #(
    parameter logic [63:0] INIT = '0
) (
    output logic O6, O5,
    input  logic I0, I1, I2, I3, I4, I5
);
endmodule

(* blackbox *)
module CARRY4 (
    output logic [3:0] CO, O,
    input  logic       CI, CYINIT,
    input  logic [3:0] DI, S
);
endmodule

(* blackbox *)
module MUXF7 (output logic O, input logic I0, I1, S);
endmodule

(* blackbox *)
module MUXF8 (output logic O, input logic I0, I1, S);
endmodule
"""


def write(folder: Path) -> None:
    """Write the declarations into the folder of a run of Yosys."""
    (folder / FILE).write_text(_TEXT)
