"""Proofs that a module's primitives, which only synthesis sees, equal what simulation sees."""

from collections.abc import Callable
from pathlib import Path

from irnet_hw.synthesise.yosys import READ
from irnet_hw.verilog.library import library
from tests.yosys import run_yosys

#: Modules that Yosys read as black boxes become models of what they do.
PROOF = f"""\
{READ} --top {{name}} {{parameters}} primitives_of.sv
read_verilog +/xilinx/cells_sim.v
hierarchy -top {{name}}
proc
flatten
rename {{name}} primitives
design -stash primitives
{READ} -U SYNTHESIS --top {{name}} {{parameters}} simulated.sv
rename {{name}} simulated
design -copy-from primitives -as primitives primitives
miter -equiv -flatten -make_assert primitives simulated both
sat -prove-asserts both
"""
EQUAL = "SAT proof finished - no model found: SUCCESS!"
DIFFERENT = "SAT proof finished - model found: FAIL!"


def prove(
    folder: Path, name: str, parameters: str = "", primitives: Callable[[str], str] = str
) -> str:
    """Return what Yosys says about a module and its primitives.

    Args:
        folder: for its files.
        name: of the module.
        parameters: of it, as options.
        primitives: changes the text from which Yosys reads the primitives.
    """
    text = library()[name].read_text()
    (folder / "simulated.sv").write_text(text)
    (folder / "primitives_of.sv").write_text(primitives(text))
    return str(run_yosys(folder, PROOF.format(name=name, parameters=parameters))[1])
