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

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.compiler.emission import selfcheck
from irnet_hw.compiler.folding import config as folding_config
from irnet_hw.errors import UserError
from irnet_hw.images import read_images
from irnet_hw.report import training
from irnet_hw.report.accelerator import write as write_report
from irnet_hw.runtime import package
from irnet_hw.toml import toml_file
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.packed import pack_state
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.run import Run
from tests import damage
from tests.compiler.hardware import resnet
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
        selfcheck._golden(self.network, path)

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
        content = (Path(__file__).parent.parent / "boards" / "pynq-z2" / "board.toml").read_text()
        toml_file(self.file("b.toml", damage.text(content, random)))

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
