"""A build with FINN's own builder, as a FINN user runs one, but without Vivado.

Runs as a program in its own process, because FINN changes settings, logs and standard output.
Arguments: the network, the folder to write, and a JSON object of further settings of FINN's
configuration; "input_scale" and "theirs", the kernels to replace by FINN's layers, are ours.
"""

import json
import os
import sys
from pathlib import Path


def main(network: str, folder: str, settings: str) -> int:
    os.environ["FINN_BUILD_DIR"] = str(Path(folder) / "nodes")
    os.environ["XILINX_VIVADO"] = "/nowhere/Vivado/2024.2"  # last part: the version
    Path(os.environ["FINN_BUILD_DIR"]).mkdir()
    from finn.util.settings import initialize_dummy_settings

    initialize_dummy_settings()
    import finn.xsi

    finn.xsi.SimEngine = object  # Vivado's simulator
    from finn.builder.build_dataflow import build_dataflow_cfg
    from finn.builder.build_dataflow_config import (
        AutoFIFOSizingMethod,
        DataflowBuildConfig,
        DataflowOutputType,
        ShellFlowType,
    )

    from irnet_hw.finn import steps
    from tests.finn.theirs import REPLACE

    given = json.loads(settings)
    chosen = steps(given.pop("input_scale", None))
    for name in given.pop("theirs", []):
        chosen.insert(1, REPLACE[name])
    config = DataflowBuildConfig(
        output_dir=folder,
        synth_clk_period_ns=10.0,
        board=given.pop("board", "Pynq-Z2"),
        shell_flow_type=ShellFlowType.VIVADO_ZYNQ,
        generate_outputs=[DataflowOutputType.ESTIMATE_REPORTS],
        steps=chosen,
        stop_step="step_generate_hardware",
        # Any other way to size FIFOs runs in Vivado's simulator.
        auto_fifo_strategy=AutoFIFOSizingMethod.FORCE_MINIMAL_FIFOS,
        **given,
    )
    return build_dataflow_cfg(network, config)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
