"""The counter's primitives, which only synthesis sees, equal what simulation sees."""

import pytest

from irnet_hw.synthesise.yosys import READ
from irnet_hw.verilog.library import library
from tests.yosys import run_yosys

pytestmark = pytest.mark.yosys

NAME = "counter_7_3"
#: Modules that Yosys read as black boxes become models of what they do.
PROOF = f"""\
{READ} --top {NAME} -G WIDTH=2 primitives_of.sv
read_verilog +/xilinx/cells_sim.v
hierarchy -top {NAME}
proc
flatten
rename {NAME} primitives
design -stash primitives
{READ} -U SYNTHESIS --top {NAME} -G WIDTH=2 simulated.sv
rename {NAME} simulated
design -copy-from primitives -as primitives primitives
miter -equiv -flatten -make_assert primitives simulated both
sat -prove-asserts both
"""


def prove(folder, primitives):
    """Return what Yosys says about a text whose primitives are compared with the counter."""
    text = library()[NAME].read_text()
    (folder / "simulated.sv").write_text(text)
    (folder / "primitives_of.sv").write_text(primitives(text))
    return run_yosys(folder, PROOF)[1]


def test_primitives_count(tmp_path):
    said = prove(tmp_path, str)
    assert "SAT proof finished - no model found: SUCCESS!" in said, said[-4000:]


def test_the_proof_finds_a_wrong_table(tmp_path):
    said = prove(tmp_path, lambda text: text.replace("/ 2 == 2", "/ 2 == 0"))
    assert "SAT proof finished - model found: FAIL!" in said, said[-4000:]
