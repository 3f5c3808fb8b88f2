"""What blocks for ever when it is read is refused by name, by every reader."""

import os
import signal
import socket

import numpy as np
import pytest

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.results import Route, read
from irnet_hw.bitstream.bit_file import read_bit
from irnet_hw.compiler.folding import config
from irnet_hw.data import cifar10, idx, image_folder, mnist, parquet
from irnet_hw.errors import UserError
from irnet_hw.files import begins, holds_arrays, holds_json, is_page, is_sealed
from irnet_hw.images import read_images
from irnet_hw.report import training
from irnet_hw.report.accelerator import write as write_report
from irnet_hw.runtime import package
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.recipe import load_recipe
from tests.data.photographs import cifar10_files, encoded, images, parts, write, write_files
from tests.data.test_parquet import DESCRIPTION
from tests.report import example
from tests.report.runs import write_run

#: Readers of one file, with a name that they take.
READERS = {
    "a.json": config.read,
    "a.npz": lambda path: read_images(path, (4, 4, 1), 3),
    "a.npy": lambda path: read_images(path, (4, 4, 1), 3),
    "a.onnx": spec.load,
    "a.toml": lambda path: load_recipe(str(path)),
    "a.pt": load_checkpoint,
    "a.bit": read_bit,
    "a-ubyte": lambda path: idx.read(path, 1),
    "a.gz": lambda path: idx.read(path, 1),
    "route.json": lambda path: read(Route, path, "make it again"),
    "manifest.json": lambda path: manifest.load(path.parent),
    "a.zip": lambda path: package.opened(path).__enter__(),
}


@pytest.fixture(autouse=True)
def alarm():
    """End a test that blocks."""

    def late(*_):
        raise AssertionError("blocked")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refused(path, do, *arguments):
    """Put a pipe in the place of a file, and read it."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(UserError) as error:
        do(*arguments)
    said = str(error.value)
    assert said.startswith(f"{path}: is a pipe, socket or device, must be a file"), said


@pytest.mark.parametrize("name", READERS)
def test_a_pipe(tmp_path, name):
    path = tmp_path / name
    refused(path, READERS[name], path)


def test_a_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a")
        with pytest.raises(UserError) as error:
            load_recipe("./a")
    assert str(error.value).startswith("a: is a pipe, socket or device")


@pytest.mark.parametrize(
    "name", ["model.onnx", "dataflow.onnx", "simulation.json", "synthesis.json", "sample.npz"]
)
def test_a_pipe_in_a_build(tmp_path, name):
    folder = example.write_folder(tmp_path / "build")
    refused(folder / name, write_report, folder)


def test_a_pipe_for_a_source(tmp_path):
    folder = example.write_folder(tmp_path / "build")
    refused(folder / manifest.load(folder).sources[0], open_build, folder)


@pytest.mark.parametrize("name", ["recipe.toml", "metrics.csv", "weights.csv"])
def test_a_pipe_in_a_run(tmp_path, name):
    run = write_run(tmp_path / "run")
    refused(run / name, training.write, [run])


@pytest.mark.parametrize("name", ["train.parquet", "train-00000-of-00001.parquet"])
def test_a_pipe_for_parquet(tmp_path, name):
    write(tmp_path / "test.parquet", [b""] * 10, np.arange(10))
    refused(tmp_path / name, parquet.find, DESCRIPTION, tmp_path)


def test_a_link_to_a_pipe_for_an_image(tmp_path):
    for part in ("train", "test"):
        for name in DESCRIPTION.labels:
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "0.png").write_bytes(encoded(images(1, 0)[0][0]))
    image = tmp_path / "train" / "a" / "0.png"
    image.unlink()
    os.mkfifo(tmp_path / "pipe")
    image.symlink_to(tmp_path / "pipe")
    train, _ = image_folder.find(DESCRIPTION, tmp_path)
    with pytest.raises(UserError) as error:
        train.content(0)
    assert str(error.value).startswith(f"{image}: is a pipe")


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch"])
def test_a_pipe_for_cifar(tmp_path, name):
    write_files(tmp_path, cifar10_files(parts()))
    refused(tmp_path / name, cifar10.read, tmp_path)


def test_a_pipe_for_an_archive(tmp_path):
    refused(tmp_path / "cifar-10-python.tar.gz", cifar10.read, tmp_path)


@pytest.mark.parametrize(
    "known",
    [begins("epoch,"), is_page, is_sealed, holds_json(a=...), holds_arrays("images")],
)
def test_a_pipe_is_nothing_that_we_wrote(tmp_path, known):
    os.mkfifo(tmp_path / "pipe")
    assert not known(tmp_path / "pipe")


def test_a_pipe_for_mnist(tmp_path):
    for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte").touch()
    refused(tmp_path / "train-images-idx3-ubyte", mnist.read, tmp_path)
