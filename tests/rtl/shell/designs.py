"""The shell's sources and the boards under test: the shell around small accelerators."""

from pathlib import Path

from irnet_hw.share import share
from irnet_hw.verilog.library import library
from tests.bench import Bench, compile_bench

#: Modules of kernels that the shell uses.
BORROWED = ("gearbox", "register_slice", "stream_fifo")
#: The modules of irnet_shell.
SOURCES = [
    *sorted((share("rtl") / "shell").glob("*.sv")),
    *(library()[name] for name in BORROWED),
]
#: Waivers, with reasons.
WAIVERS = [share("rtl") / "shell" / "lint.vlt", share("rtl") / "lint.vlt"]


def board(address_bits, in_bytes, in_beats, out_lanes, out_bits, out_beats, padding=0):
    """Return a board's parameters; a frame has as many bits of values as of input."""
    assert 8 * in_bytes * in_beats == out_lanes * out_bits * out_beats
    return {
        "ADDRESS_BITS": address_bits,
        "IN_BYTES": in_bytes,
        "IN_BEATS": in_beats,
        "OUT_LANES": out_lanes,
        "OUT_BITS": out_bits,
        "OUT_BEATS": out_beats,
        "OUT_TDATA_BITS": out_lanes * out_bits + padding,
    }


#: Input beats that are smaller than, as large as and larger than a word, dividing it or not; odd
#: and even numbers of values per frame and per beat.
BOARDS = {
    "pixels": board(32, 3, 5, 1, 8, 15),
    "words": board(32, 8, 16, 2, 32, 16),
    "least": board(40, 1, 1, 1, 8, 1),
    "many": board(40, 10, 3, 5, 12, 4, padding=4),
    "wide": board(64, 16, 1, 8, 16, 1),
    "halves": board(32, 4, 9, 3, 12, 8),
}


def compile_board(name: str) -> Bench:
    """Compile a board of :data:`BOARDS`."""
    files = [*WAIVERS, *SOURCES, share("rtl") / "stream" / "width_converter.sv"]
    wrapper = Path(__file__).with_name("converting_board.sv")
    return compile_bench([*files, wrapper], "converting_board", BOARDS[name])
