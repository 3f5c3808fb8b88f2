"""The gate-level proof: simulates an accelerator's netlist, as Yosys maps it to the FPGA's cells.

It closes the gap between the RTL that :mod:`irnet_hw.simulate.proof` compares and what goes on the
chip: the accelerator is synthesised as a whole, and its netlist is simulated with models of cells
on images, at full rate and with gaps and stalls. Every output must equal the QONNX run.
"""

from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact import results
from irnet_hw.artifact.names import GATES
from irnet_hw.artifact.results import GateSimulation, Irregular
from irnet_hw.boards import load_board
from irnet_hw.files import whole_file
from irnet_hw.held import held
from irnet_hw.progress import say
from irnet_hw.simulate.cells import models
from irnet_hw.simulate.proof import (
    IRREGULAR_SEED,
    Reference,
    again,
    compare,
    require_images,
    steady,
)
from irnet_hw.simulate.simulator import Simulator, compile_netlist
from irnet_hw.synthesise import yosys
from irnet_hw.verilog.trusted import open_for_tools


def simulate_gates(
    folder: Path, images: npt.NDArray[np.uint8], force: bool = False
) -> GateSimulation:
    """Simulate an accelerator's netlist on images and compare; write gates.json into its folder.

    Args:
        folder: the accelerator's.
        images: uint8 [N, ...], of the manifest's shape.
        force: overwrite a file of this name that irnet-hw did not write.

    Returns:
        the contents of gates.json.

    Raises:
        UserError: the folder contains no accelerator or one that was changed, the images do not fit
            it, Yosys or the compiler is missing, a cell of the netlist has no model, the simulation
            hangs, or the result can't be written.
    """
    with held(folder, (GATES,), force, open_for_tools) as manifest:
        require_images(manifest, images)
        say("synthesising the accelerator as a whole")
        tool = yosys.version()
        netlist = yosys.netlist(yosys.whole(folder, manifest), load_board(manifest.board).family)
        say("compiling the simulation of the netlist")
        compiled = compile_netlist(folder, manifest, netlist.verilog, models(netlist.cells.keys()))
        simulator = Simulator(compiled, folder, manifest, taps=False)
        repeated = images[again(len(images))]
        regular = simulator.stream(images, 0, "simulating")
        irregular = simulator.stream(repeated, 0, "with gaps and stalls", IRREGULAR_SEED)
        reference = Reference(folder, manifest, images, 0)
        (logits,) = compare(manifest, reference, [regular, irregular])
        result = GateSimulation(
            kind="synth",
            netlist=tool,
            images=len(images),
            logits_compared=logits.values,
            differences=logits.differences,
            cycles_per_frame=steady(regular),
            irregular=Irregular(
                images=len(repeated),
                seed=IRREGULAR_SEED,
                cycles=irregular.cycles,
                logits_compared=len(repeated) * prod(manifest.tail.shape),
            ),
        )
        with whole_file(folder / GATES) as target:
            target.write_text(results.text(result))
        return result
