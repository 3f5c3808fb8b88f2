import json
import re
import subprocess
import sys

import numpy as np
import pytest

from irnet_hw.artifact import manifest
from tests.networks import tiny_images
from tests.simulate.test_proof import flip


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "heldout.npz"
    np.savez(path, images=tiny_images(20), labels=np.zeros(20, np.int64))
    return path


def simulate(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "irnet_hw.cli.main", "simulate", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_it_says_what_was_compared(build_dir, images):
    run = simulate(build_dir, "--images", images, "--tapped", 2)
    assert run.returncode == 0, run.stderr
    compared, rate, accuracy = run.stdout.splitlines()
    assert re.fullmatch(
        r"20 images: 60 logits and \d+ values between layers compared, 0 differences", compared
    )
    cycles = manifest.load(build_dir).cycles_per_frame
    assert rate.startswith(f"{cycles} cycles an image, ")
    share = json.loads((build_dir / "simulation.json").read_text())["accuracy"]["rtl"]
    assert accuracy == f"accuracy: RTL {100 * share:.2f} %, QONNX {100 * share:.2f} %"


def test_a_difference_is_exit_code_1_and_names_the_layer(build_dir, images):
    flip(build_dir, "IntMVAU_rtl_1_weights.hex", 0)
    run = simulate(build_dir, "--images", images)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"{build_dir}: the RTL differs from the QONNX run, first in IntMVAU_rtl_1"
    )
    assert json.loads((build_dir / "simulation.json").read_text())["differences"] > 0


def test_images_of_another_shape_are_exit_code_2(built, tmp_path):
    np.savez(tmp_path / "wrong.npz", images=tiny_images(2)[:, :, :, :1])
    run = simulate(built, "--images", tmp_path / "wrong.npz")
    assert run.returncode == 2
    assert run.stderr == (
        f"error: {tmp_path / 'wrong.npz'}: images have shape [2, 6, 6, 1], must be [N, 6, 6, 2] "
        "(at least one image, each height x width x channels)\n"
    )


def test_another_folder_is_exit_code_2(tmp_path, images):
    run = simulate(tmp_path, "--images", images)
    assert run.returncode == 2
    assert run.stderr == (
        f"error: {tmp_path / 'manifest.json'}: can't be read: No such file or directory; "
        "must be in a folder made by irnet-hw build\n"
    )


def test_a_damaged_manifest_is_exit_code_2(build_dir, images):
    path = build_dir / "manifest.json"
    path.write_text(path.read_text()[:500])
    run = simulate(build_dir, "--images", images)
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {path}: is not JSON: ")
    assert "Traceback" not in run.stderr


def test_images_must_be_named(built):
    run = simulate(built)
    assert run.returncode == 2
    assert "Missing option '--images'" in run.stderr
