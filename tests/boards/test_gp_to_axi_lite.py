"""The processor's port to the registers, as the open flow has it."""

import subprocess

import pytest

from irnet_hw.boards import load_board
from irnet_hw.flows.bench import compile_bench
from irnet_hw.flows.tools import verilator_env
from irnet_hw.share import share

SOURCE = share("boards") / "pynq-z2" / "gp_to_axi_lite.sv"
#: The default of the module; the runtime goes by the board's.
BASE = load_board("pynq-z2").register_base


@pytest.mark.parametrize("seed", range(4))
def test_bursts_become_accesses_one_after_the_other(seed):
    bench = compile_bench([SOURCE], "gp_to_axi_lite")
    env = {"BASE": f"{BASE:x}", "SEED": str(seed), "BURSTS": "100", "COCOTB_LOG_LEVEL": "WARNING"}
    assert bench.run("tests.boards.gp_to_axi_lite_bench", env) == 1


def lint(*more):
    command = ["verilator", "--lint-only", "-Wall", "--top-module", "gp_to_axi_lite"]
    run = subprocess.run(
        [*command, *more, str(SOURCE)],
        env=verilator_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stderr


def test_verilator_has_no_warnings():
    assert lint() == ""


def test_a_base_inside_a_page_is_refused():
    assert "gp_to_axi_lite: BASE = 40000800, must be a multiple of 1000" in lint(
        "-GBASE=32'h40000800"
    )
