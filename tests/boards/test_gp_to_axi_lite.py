"""The open flow's path from the processor to the registers."""

import pytest

from irnet_hw.boards import load_board
from irnet_hw.share import share
from tests.bench import compile_bench
from tests.lint import lint

SOURCE = share("boards") / "pynq-z2" / "gp_to_axi_lite.sv"
#: The module's default; the runtime uses the board's value.
BASE = load_board("pynq-z2").register_base


@pytest.mark.parametrize("seed", range(4))
def test_bursts_become_accesses_one_after_the_other(seed):
    bench = compile_bench([SOURCE], "gp_to_axi_lite")
    env = {"BASE": f"{BASE:x}", "SEED": str(seed), "BURSTS": "100", "COCOTB_LOG_LEVEL": "WARNING"}
    assert bench.run("tests.boards.gp_to_axi_lite_bench", env) == 1


def test_verilator_has_no_warnings(tmp_path):
    assert lint("gp_to_axi_lite", [SOURCE], tmp_path).stderr == ""


def test_a_base_inside_a_page_is_refused(tmp_path):
    run = lint("gp_to_axi_lite", [SOURCE], tmp_path, "-GBASE=32'h40000800")
    assert "gp_to_axi_lite: BASE = 40000800, must be a multiple of 1000" in run.stderr
