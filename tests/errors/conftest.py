"""Run real commands in their own processes, with a network and its accelerator as inputs."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.graphs import Conv, Network, images

ROOT = Path(__file__).parent.parent.parent
NETWORK = Network(image=(4, 4, 1), layers=(Conv(2, bits=8), Conv(2)), classes=2)


@dataclass
class Shell:
    """A folder to work in, with model.onnx."""

    folder: Path

    def start(self, *arguments, **options):
        """Start ``irnet-hw``."""
        options["env"] = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        return subprocess.Popen(
            [sys.executable, "-m", "irnet_hw.cli.main", *map(str, arguments)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def fails(self, *arguments, **options):
        """Run ``irnet-hw``; assert that it fails properly and leaves nothing behind.

        Returns:
            the message, without "error: ".
        """
        before = self.files()
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 2, err
        assert "Traceback" not in err
        assert out == ""
        *said, message = err.splitlines()
        assert not [line for line in said if line.startswith("error")]
        assert self.files() == before
        assert message.startswith("error: ")
        return message.removeprefix("error: ")

    def files(self):
        """Return every file and folder with its content."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.folder.rglob("*"))
        }


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A small exported network."""
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    NETWORK.build().save(str(path))
    return path


@pytest.fixture
def shell(tmp_path, model):
    (tmp_path / "model.onnx").write_bytes(model.read_bytes())
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def accelerator(tmp_path_factory, model):
    """The small network's accelerator and matching images, in their own folder."""
    folder = tmp_path_factory.mktemp("accelerator")
    process = Shell(folder).start("build", "--board", "pynq-z2", "--out", "built", model)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    np.savez(folder / "images.npz", images=images(NETWORK, 4), labels=[0, 1, 0, 1])
    return folder
