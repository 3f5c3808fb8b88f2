"""Yosys maps the shell to each family, and it takes a small part of the smallest board."""

import pytest

from irnet_hw.boards import load_board
from irnet_hw.synthesise.yosys import READ, cells_area
from tests.rtl.shell.designs import SOURCES
from tests.yosys import mapped

#: Parameters of the shell around ResNet-20.
RESNET20 = {
    "IN_BYTES": 3,
    "IN_BEATS": 1024,
    "OUT_LANES": 1,
    "OUT_BITS": 19,
    "OUT_BEATS": 10,
    "OUT_TDATA_BITS": 24,
}


def area(board):
    """Return the resources that the shell takes on a board, from this or an earlier run."""
    files = {source.name: source.read_text() for source in SOURCES}
    bits = {"pynq-z2": 32, "zcu104": 40}[board]
    settings = {"ADDRESS_BITS": bits, **RESNET20}
    script = (
        f"{READ} --top irnet_shell "
        f"{' '.join(f'-G {name}={value}' for name, value in settings.items())} {' '.join(files)}\n"
        f"synth_xilinx -family {load_board(board).family} -flatten -noiopad -noclkbuf "
        "-top irnet_shell\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )
    return cells_area("irnet_shell", mapped(files, script)["design"]["num_cells_by_type"])


@pytest.mark.parametrize("board", ["pynq-z2", "zcu104"])
def test_takes_a_small_part_of_what_is_in_reserve(board):
    """No block RAM and no multiplier: accelerators may need all of these."""
    found = area(board)
    print(board, dict(found))
    small = load_board("pynq-z2")
    assert found["LUT"] < 0.25 * small.reserve["LUT"] * small.resources["LUT"]
    assert found["FF"] < 0.03 * small.resources["FF"]
    assert found["BRAM18"] == found["DSP"] == found["URAM"] == 0
