"""The open flow's top module, except the processor itself, simulated with a real accelerator."""

import json
from pathlib import Path

from irnet_hw.artifact import manifest
from irnet_hw.compiler.emission.reference import dataflow_run
from irnet_hw.share import share
from tests.bench import compile_bench
from tests.boards.test_gp_to_axi_lite import BASE
from tests.compiler.graphs import images
from tests.networks import LEAST

FRAMES = 5


def test_frames_pass_from_memory_to_memory(least_built, tmp_path):
    content = manifest.load(least_built)
    assert content.shell.base_address == BASE
    board = share("boards") / "pynq-z2"
    sources = [least_built / file for file in content.files]
    sources += [board / "gp_to_axi_lite.sv", board / "openxc7_top.sv"]
    sources += [Path(__file__).with_name("processor.sv")]
    bench = compile_bench(sources, "processor_bench")
    pixels = images(LEAST, FRAMES)
    values = dataflow_run(least_built, pixels)[-1]
    case = tmp_path / "case.json"
    case.write_text(
        json.dumps(
            {
                "base": BASE,
                "identity": content.shell.identity,
                "images": pixels.tobytes().hex(),
                "frames": FRAMES,
                "values": values.reshape(-1).tolist(),
            }
        )
    )
    env = {"CASE": str(case), "COCOTB_LOG_LEVEL": "WARNING"}
    assert bench.run("tests.boards.processor_bench", env, data=least_built / "rtl") == 1
