"""A build with FINN's own builder, as a FINN user runs one, but without Vivado.

Runs as a program in its own process, because FINN changes settings, logs and standard output.
Arguments: the network, the folder to write, frames per second, a folding configuration or "".
"""

import os
import sys
from pathlib import Path


def main(network: str, folder: str, target_fps: str, folding: str) -> int:
    os.environ["FINN_BUILD_DIR"] = str(Path(folder) / "nodes")
    os.environ["XILINX_VIVADO"] = "/nowhere/Vivado/2024.2"  # last part: the version
    Path(os.environ["FINN_BUILD_DIR"]).mkdir()
    from finn.util.settings import initialize_dummy_settings

    initialize_dummy_settings()
    import finn.xsi

    finn.xsi.SimEngine = object  # Vivado's simulator
    from finn.builder.build_dataflow import build_dataflow_cfg
    from finn.builder.build_dataflow_config import (
        DataflowBuildConfig,
        DataflowOutputType,
        ShellFlowType,
    )

    from irnet_hw.compiler.passes.sequence import PASSES

    def step(transformation):
        def run(model, cfg):  # noqa: ARG001 (FINN's signature)
            return model.transform(transformation())

        run.__name__ = transformation.__name__
        return run

    config = DataflowBuildConfig(
        output_dir=folder,
        synth_clk_period_ns=10.0,
        board="Pynq-Z2",
        shell_flow_type=ShellFlowType.VIVADO_ZYNQ,
        generate_outputs=[DataflowOutputType.ESTIMATE_REPORTS],
        target_fps=int(target_fps),
        folding_config_file=folding or None,
        steps=[
            *(step(one.step) for one in PASSES),
            "step_create_dataflow_partition",
            "step_specialize_layers",
            "step_target_fps_parallelization",
            "step_apply_folding_config",
            "step_minimize_bit_width",
            "step_generate_estimate_reports",
            "step_hw_codegen",
            "step_hw_ipgen",
        ],
    )
    return build_dataflow_cfg(network, config)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
