"""Damaged inputs: a station either refuses the input by name or uses it as it is.

``python -m tests.test_damage 1000 [KIND ...]`` tries 1000 mutants of each kind and prints failures.
"""

import contextlib
import dataclasses
import io
import json
import sys
import tempfile
import traceback
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from irnet_hw import boards, data, spec
from irnet_hw.artifact import manifest
from irnet_hw.boards import load_board
from irnet_hw.compiler.emission import selfcheck
from irnet_hw.compiler.folding import config as folding_config
from irnet_hw.compiler.pipeline import build
from irnet_hw.data import decode, encoded, own
from irnet_hw.errors import UserError
from irnet_hw.images import read_images
from irnet_hw.report import training
from irnet_hw.report.accelerator import write as write_report
from irnet_hw.runtime import package
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.packed import pack_state
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.run import Run
from tests import damage
from tests.compiler.hardware import resnet
from tests.compiler.mutants import mutant
from tests.data.photographs import cifar10_files, mnist_files, parts, write, write_files
from tests.data.photographs import encoded as file_of
from tests.report import example
from tests.report.runs import write_run
from tests.report.test_report import routed
from tests.test_spec import NETWORK, with_metadata
from tests.train.conftest import SMALL

SHAPE = (4, 4, 1)
#: Number of mutants of each kind in a normal test run.
QUICK = 15


def saved(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def zipped_build(folder):
    """Return a zip file of a build that the runtime takes: with the right identity."""
    built = manifest.load(example.write_folder(folder))
    shell = dataclasses.replace(built.shell, identity=manifest.identity(built))
    manifest.write(dataclasses.replace(built, shell=shell), folder)
    routed(folder, identity=shell.identity)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, str(path.relative_to(folder)))
    return buffer.getvalue()


class Stations:
    """An intact input for each station, with the station.

    Args:
        folder: the folder to work in.
    """

    def __init__(self, folder):
        self.folder = folder
        self.images = np.arange(48, dtype=np.uint8).reshape(3, *SHAPE)
        self.network = NETWORK.build()
        self.onnx = self.network.model.SerializeToString()
        pixels = np.random.default_rng(0).integers(0, 256, (16, 6, 5, 3), np.uint8)
        kinds = ("png", "jpeg", "webp", "tiff", "bmp", "gif", "jpeg2000", "qoi")
        self.pictures = [
            *(file_of(image, kind) for image, kind in zip(pixels, kinds, strict=False)),
            *(file_of(image[..., 0], kind) for image, kind in zip(pixels, kinds[:6], strict=False)),
        ]
        self.graph = resnet((6, 6, 3), (4,))
        self.build = routed(example.write_folder(folder / "build"))
        self.zipped = zipped_build(folder / "packaged")
        self.run = write_run(folder / "run", 4)
        recipe = load_recipe("digits-vgg", [*SMALL, "epochs=1"])
        self.last = train(recipe, folder / "trained")
        self.packed = folder / "packed.pt"
        trained = load_checkpoint(self.last)
        state = pack_state(trained.model())
        save_checkpoint(dataclasses.replace(trained, state_dict=state), self.packed)
        logits = spec.run(self.network, self.images)[self.network.graph.output[0].name]
        self.golden = saved(np.savez, images=self.images, logits=logits)
        self.folds = json.dumps(
            {"Defaults": {"ram_style": ["block", "all"]}, "IntMVAU_rtl_0": {"PE": 1, "SIMD": 1}}
        )
        metadata = {"labels": ["a", "b"], "accuracy": {"images": 3, "qonnx": 0.5}, "recipe": {}}
        self.metadata = json.dumps({"name": "x", **metadata})

    def file(self, name, content):
        path = self.folder / name
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        path.write_bytes(content)
        return path

    def json(self, original, random):
        content = json.loads(original)
        original = original.decode() if isinstance(original, bytes) else original
        if random.random() < 0.7:
            return json.dumps(damage.value(content, random))
        return damage.text(original, random)

    def within(self, name, random, damaged):
        """Write a report with one file of the build changed."""
        path = self.build / name
        before = path.read_bytes()
        try:
            self.file(path.relative_to(self.folder), damaged(before, random))
            write_report(self.build)
        finally:
            path.write_bytes(before)

    def within_run(self, name, random):
        path = self.run / name
        before = path.read_bytes()
        try:
            self.file(path.relative_to(self.folder), damage.text(before.decode(), random))
            training.write([self.run])
        finally:
            path.write_bytes(before)

    def taken(self, images, labels):
        """The next station must be able to compute with any input that is accepted."""
        assert images.dtype == np.uint8
        assert len(images) and images.shape[1:] == SHAPE
        assert labels is None or (labels.dtype == np.int64 and set(labels) <= {0, 1, 2})

    def npz(self, random):
        content = saved(np.savez, images=self.images, labels=np.arange(3))
        self.taken(*read_images(self.file("i.npz", damage.npz(content, random)), SHAPE, 3))

    def npy(self, random):
        buffer = io.BytesIO()
        np.save(buffer, self.images)
        self.taken(
            *read_images(self.file("i.npy", damage.npy(buffer.getvalue(), random)), SHAPE, 3)
        )

    def golden_npz(self, random):
        path = self.file("golden.npz", damage.npz(self.golden, random))
        selfcheck.golden_images(self.network, path)

    def sample_npz(self, random):
        self.within("sample.npz", random, damage.npz)

    def simulation(self, random):
        self.within("simulation.json", random, self.json)

    def synthesis(self, random):
        self.within("synthesis.json", random, self.json)

    def route(self, random):
        self.within("bitstream/route.json", random, self.json)

    def manifest(self, random):
        """The manifest's own hash is updated."""

        def damaged(before, random):
            content = json.loads(self.json(before.decode(), random))
            if isinstance(content, dict) and isinstance(content.get("hashes"), dict):
                content["hashes"]["manifest"] = manifest.own_digest(content)
            return json.dumps(content)

        # The damage may also make it unreadable here.
        with contextlib.suppress(json.JSONDecodeError, RecursionError):
            self.within("manifest.json", random, damaged)

    def package(self, random):
        """A zip file of the build; its sources and model aren't read."""
        path = self.file("p.zip", damage.archive(self.zipped, random))
        with package.opened(path) as folder:
            package.clock_mhz(folder, package.load(folder))

    def metadata_props(self, random):
        text = self.json(self.metadata, random)
        try:
            model = with_metadata(text)
        except UnicodeEncodeError:
            return
        spec.metadata(model)

    def folding(self, random):
        path = self.file("f.json", self.json(self.folds, random))
        folding_config.pins(path, folding_config.read(path), self.graph, "xc7z020clg400-1")

    def recipe(self, random):
        content = (self.run / "recipe.toml").read_text()
        load_recipe(str(self.file("r.toml", damage.text(content, random))))

    def board(self, random):
        folder = self.folder / "boards" / "pynq-z2"
        folder.mkdir(parents=True, exist_ok=True)
        content = (Path(__file__).parent.parent / "boards" / "pynq-z2" / "board.toml").read_text()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boards, "share", lambda name: self.folder / name)
            self.file("boards/pynq-z2/board.toml", damage.text(content, random))
            assert all(size >= 0 for size in load_board("pynq-z2").usable.values())

    def build_network(self, random):
        """Build a damaged network, from reading the file to the self-check."""
        path = self.file("m.onnx", mutant(self.onnx, random.randrange(2**32)))
        build(path, "pynq-z2", self.folder / "accelerator", 1e5, force=True)

    def image(self, random):
        content = damage.raw(random.choice(self.pictures), random)
        height, width, channels = decode.shape(content, "here")
        assert channels in (1, 3)
        assert decode.decode(content, "here", channels).size == (width, height)

    def dataset(self, random, name, contents):
        """Read a dataset with one file of it changed, if it can be read."""
        folder = self.folder / name
        write_files(folder, contents)
        which = random.choice(sorted(contents))
        (folder / which).write_bytes(damage.raw(contents[which], random))
        found = data.load(name, str(folder))
        labels = np.concatenate([found.train_labels, found.test_labels])
        assert set(labels.tolist()) <= set(range(10))

    def mnist(self, random):
        content = mnist_files(parts(6, 4, shape=(28, 28, 1)), random.random() < 0.5)
        self.dataset(random, "mnist", content)

    def cifar10(self, random):
        self.dataset(random, "cifar10", cifar10_files(parts(20, 4)))

    def parquet(self, random):
        """Change the types of columns, the values or the bytes of one of two files."""
        for part in ("train", "test"):
            write(self.folder / "parquet" / f"{part}.parquet", self.pictures[:6], np.arange(6) % 3)
        path = self.folder / "parquet" / f"{random.choice(['train', 'test'])}.parquet"
        if random.random() < 0.6:
            damage.table(path, random)
        else:
            path.write_bytes(damage.raw(path.read_bytes(), random))
        train, test = own.find(path.parent)
        for each in (train, test):
            encoded.decode_all(each, (4, 4, 1), "reading", fit=True)
            assert each.labels.max() < len(train.names)

    def set(self, random):
        setting = random.choice(["epochs=3", "name='a'", "model.widths=[4, 4]", "flip=true"])
        load_recipe("digits-vgg", [damage.text(setting, random)])

    def metrics(self, random):
        self.within_run("metrics.csv", random)

    def weights(self, random):
        self.within_run("weights.csv", random)

    def run_recipe(self, random):
        self.within_run("recipe.toml", random)

    def checkpoint(self, random):
        path = self.file("c.pt", damage.checkpoint(self.last.read_bytes(), random))
        found = load_checkpoint(path)
        found.model()
        Run.resumed(found.recipe, 1, path, found.labels)

    def packed_checkpoint(self, random):
        path = self.file("p.pt", damage.checkpoint(self.packed.read_bytes(), random))
        load_checkpoint(path).model()


KINDS = [
    *("build_network", "image", "mnist", "cifar10", "parquet"),
    *("npz", "npy", "golden_npz", "sample_npz", "simulation", "synthesis", "route", "manifest"),
    "package",
    *("metadata_props", "folding", "recipe", "board", "set", "metrics", "weights", "run_recipe"),
    *("checkpoint", "packed_checkpoint"),
]


@pytest.fixture(scope="module")
def stations(tmp_path_factory):
    return Stations(tmp_path_factory.mktemp("stations"))


def tried(stations, kind, seed):
    """Return a station's message about a mutant, or None if the station accepts it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(stations, kind)(damage.generator(seed))
        except UserError as error:
            return str(error)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_is_refused_by_name_or_taken(stations, kind):
    said = [tried(stations, kind, seed) for seed in range(QUICK)]
    assert any(said)  # as the damage is not always harmless
    for message in filter(None, said):
        assert message.encode()
        assert "\n" not in message, message


def main(count, kinds=()):
    """Try a number of mutants of the given kinds, or of all kinds."""
    failed = set()
    with tempfile.TemporaryDirectory() as folder:
        stations = Stations(Path(folder))
        for kind in kinds or KINDS:
            refused = 0
            for seed in range(count):
                try:
                    message = tried(stations, kind, seed)
                    refused += message is not None
                    if message is not None and ("\n" in message or not message.encode()):
                        raise ValueError(message)
                except Exception as error:
                    frames = traceback.extract_tb(error.__traceback__)
                    ours = [frame for frame in frames if "irnet_hw" in frame.filename] or frames
                    key = kind, type(error).__name__, Path(ours[-1].filename).name, ours[-1].lineno
                    if key not in failed:
                        print(*key, f"seed {seed}: {error}"[:300], flush=True)
                    failed.add(key)
            print(f"{kind}: {refused} of {count} refused", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
