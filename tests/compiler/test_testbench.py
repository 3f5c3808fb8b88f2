"""The cocotb test in an accelerator's folder, run from a copy of it as a user's CI would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irnet_hw import spec
from irnet_hw.compiler.pipeline import build
from irnet_hw.compiler.testbench import IMAGES
from irnet_hw.tools.environment import cache_dir, require
from tests import wheel as wheels
from tests.compiler.graphs import Conv, Network, images

#: With this seed, all images have different logits.
NETWORK = Network(image=(4, 4, 1), layers=(Conv(2, bits=8),), classes=2, seed=1)


@pytest.fixture(scope="module")
def built(site, tmp_path_factory) -> Path:
    """An accelerator that an installed irnet-hw made in a folder outside the repository."""
    folder = tmp_path_factory.mktemp("least")
    NETWORK.build().save(str(folder / "model.onnx"))
    command = (site / "bin" / "irnet-hw", "build", "--board", "pynq-z2", "--out", "built")
    wheels.run(*command, "model.onnx", cwd=folder, PYTHONPATH=str(site))
    return folder / "built"


@pytest.fixture(scope="module")
def copied(built, tmp_path_factory) -> Path:
    """A copy of the accelerator with its cocotb test; tests share the simulations compiled in
    it."""
    return Path(shutil.copytree(built, tmp_path_factory.mktemp("user") / "accelerator"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """A user's environment: no Verilator on PATH, no irnet_hw; ccache saves time."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "irnet_hw.py").write_text("raise ImportError('the test must not need irnet_hw')\n")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(hidden),
        "COCOTB_RANDOM_SEED": "5",
        "COCOTB_ANSI_OUTPUT": "0",
        "OBJCACHE": require("ccache", "to compile simulations"),
        "CCACHE_DIR": str(cache_dir() / "ccache"),
        "CCACHE_NOHASHDIR": "1",
    }


def run(environment, folder: Path, *command: str) -> tuple[int, str]:
    found = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout


def alter_bias(folder: Path) -> None:
    """Change the first logit of every image by one step, in a source."""
    path = folder / "rtl" / "IntMVAU_rtl_1_inits.hex"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([f"{int(first, 16) ^ 1:0{len(first)}x}", *others]) + "\n")


def test_pytest(copied, environment):
    pytest_ = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-s", "cocotb")
    code, said = run(environment, copied, *pytest_)
    assert code == 0, said
    assert "20 logits of 10 images are equal, seed 5" in said

    golden = copied / "cocotb" / "golden.npz"
    original = golden.read_bytes()
    arrays = dict(np.load(golden))
    arrays["logits"][2, 1] += 2.0**-10
    np.savez(golden, **arrays)
    code, said = run(environment, copied, *pytest_)
    assert code == 1, said
    assert "1 of 20 logits differ, the first in image 2: " in said
    assert "repeat with COCOTB_RANDOM_SEED=5" in said
    golden.write_bytes(original)

    bias = copied / "rtl" / "IntMVAU_rtl_1_inits.hex"
    original = bias.read_bytes()
    alter_bias(copied)
    code, said = run(environment, copied, *pytest_)
    assert code == 1, said
    assert "10 of 20 logits differ, the first in image 0: " in said
    bias.write_bytes(original)


def test_make(built, copied, environment):
    source = copied / "rtl" / "accelerator.sv"
    original = source.read_text()
    altered = re.sub(r"(assign out0_V_TDATA = )(\w+)", r"\1~\2", original)
    assert altered != original
    source.write_text(altered)
    code, said = run(environment, copied / "cocotb", "make")
    assert code == 2, said
    assert "20 of 20 logits differ, the first in image 0: " in said

    source.write_text(original)
    code, said = run(environment, copied / "cocotb", "make")
    assert code == 0, said
    assert "20 logits of 10 images are equal, seed 5" in said
    assert run(environment, copied / "cocotb", "make", "clean")[0] == 0
    left = {path.name for path in (copied / "cocotb").iterdir()}
    shipped = {path.name for path in (built / "cocotb").iterdir()}
    assert left - {"__pycache__", "sim_build"} == shipped


def test_vectors_without_golden_npz_are_of_the_specification(built):
    vectors = np.load(built / "cocotb" / "golden.npz")
    assert vectors["images"].shape == (10, *NETWORK.image)
    right = spec.run(spec.load(built / "model.onnx"), vectors["images"])["logits"]
    assert np.array_equal(vectors["logits"], right)
    assert len(np.unique(right, axis=0)) >= 6


def test_golden_npz_beside_the_model_is_taken(tmp_path):
    model, pixels = NETWORK.build(), images(NETWORK, IMAGES + 1)
    logits = spec.run(model, pixels)["logits"]
    model.save(str(tmp_path / "model.onnx"))
    np.savez(tmp_path / "golden.npz", images=pixels, logits=logits)
    build(tmp_path / "model.onnx", "pynq-z2", tmp_path / "out", 1000)
    vectors = np.load(tmp_path / "out" / "cocotb" / "golden.npz")
    assert np.array_equal(vectors["images"], pixels[:IMAGES])
    assert np.array_equal(vectors["logits"], logits[:IMAGES])
