"""The front door: the scale of pixels, in the file and in the folder, and lists of problems."""

import filecmp
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

from irnet_hw import spec
from irnet_hw.artifact.names import GIVEN, MODEL
from irnet_hw.compiler.front import input_scale, problems, read
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from tests.compiler.given import Given
from tests.compiler.graphs import Conv, Network, Writer, images

NETWORK = Network(image=(4, 4, 1), layers=(Conv(2, bits=8),), classes=2, zero=0)
PIXELS = images(NETWORK)


def save(path: Path, **metadata: object) -> Path:
    model = NETWORK.build()
    model.set_metadata_prop("irnet_hw", json.dumps(metadata))
    model.save(str(path))
    return path


def logits(model, pixels) -> np.ndarray:
    return spec.run(model, pixels)["logits"]


def test_the_folder_s_model_takes_pixels_where_the_file_takes_them_scaled(tmp_path: Path) -> None:
    path = save(tmp_path / "dark.onnx", input_scale="1/64", name="dark")
    build(path, "pynq-z2", tmp_path / "out", None)
    assert filecmp.cmp(path, tmp_path / "out" / GIVEN, shallow=False)
    model = spec.load(tmp_path / "out" / MODEL)
    found = spec.run(model, PIXELS, ["image_scaled"])
    assert np.array_equal(found["image_scaled"], spec.entry(model, PIXELS) / 64)
    assert np.array_equal(found["logits"], logits(NETWORK.build(), PIXELS / np.float32(64)))


def test_a_scale_is_applied_once(tmp_path: Path) -> None:
    path = save(tmp_path / "half.onnx", input_scale="1/2", name="half")
    first = build(path, "pynq-z2", tmp_path / "first", None)
    again = build(tmp_path / "first" / MODEL, "pynq-z2", tmp_path / "again", None)
    assert (again.name, again.input, again.output) == (first.name, first.input, first.output)
    found = [logits(spec.load(tmp_path / name / MODEL), PIXELS) for name in ("first", "again")]
    assert np.array_equal(*found)


def test_the_option_counts_more_than_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "half.onnx", input_scale="1/2")
    network = read(path, Fraction(1, 4))
    found = logits(network.specification, PIXELS)
    assert np.array_equal(found, logits(NETWORK.build(), PIXELS / np.float32(4)))


def test_compares_the_specification_on_the_user_s_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, own = save(tmp_path / "small.onnx", input_scale="1/255"), tmp_path / "own.npz"
    np.savez(own, images=PIXELS[:3])
    build(path, "pynq-z2", tmp_path / "built", None, images=own)
    assert "on 3 given images: " in capsys.readouterr().err
    np.savez(own, images=PIXELS[:3, 1:])
    with pytest.raises(UserError, match=r"own\.npz: images have shape"):
        build(path, "pynq-z2", tmp_path / "built", None, images=own)


def test_a_specification_holds_no_notes_of_the_compiler(tmp_path: Path) -> None:
    network = read(save(tmp_path / "small.onnx", input_scale="1/255"))
    assert network.moved
    keys = {entry.key for entry in network.specification.graph.metadata_props}
    assert keys == {"irnet_hw"}


@pytest.mark.parametrize(
    ("scale", "most"), [(None, "1.99219"), ("1/2", "0.996094"), ("1/255", "0.0078125")]
)
def test_says_what_the_first_layer_reads(
    scale: str | None, most: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read(save(tmp_path / "plain.onnx"), None if scale is None else input_scale(scale, "scale"))
    assert f"reads values from 0 to {most}\n" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "0", "-1", "1/0", "ToTensor", "nan", "1e99"])
def test_refuses_scales_that_are_no_positive_numbers(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="input-scale"):
        input_scale(text, "input-scale")
    found = problems(save(tmp_path / "wrong.onnx", input_scale=text))
    assert len(found) == 1
    assert "input_scale" in found[0]


def wrong(*parts: str) -> Writer:
    """A network of three layers, with what the parts name in place of what could be built."""
    writer = Writer((6, 6, 1))
    for name in ("first", "second"):
        if name in parts:
            floats = writer.random.normal(size=[2, writer.shape[1], 3, 3])
            writer.step("Conv", writer.constant(f"{name}_weights", floats), name=name)
            writer.shape = [1, 2, writer.shape[2] - 2, writer.shape[3] - 2]
        else:
            writer.convolution(name, Conv(2, bits=4, padding=0))
        writer.affine(name, [1, 2, 1, 1])
        writer.sign(name)
    writer.flatten()
    writer.dense("last", 3, 4, "MatMul", False)
    if "tail" in parts:
        writer.step("Erf", name="tail")
    return writer


@pytest.mark.parametrize(
    "parts", [(), ("first",), ("first", "second"), ("second", "tail"), ("first", "second", "tail")]
)
def test_lists_all_problems_at_once(parts: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    wrong(*parts).model().save(str(path))
    found = problems(path)
    assert [text.partition(" (")[0] for text in found] == [f"node {name}" for name in parts]


def test_lists_scales_that_cannot_move_with_all_else(tmp_path: Path) -> None:
    net = Given(1, 2, 6, 6).quant(4, [0.1, 0.2]).conv(2).norm().quant(4, [0.3, 0.1])
    net.conv(2).sign().flatten().dense(2).node("Erf").model().save(str(tmp_path / "wrong.onnx"))
    found = problems(tmp_path / "wrong.onnx")
    assert [text.partition(" (")[0] for text in found] == [
        "node quant0",
        "node quant4",
        "node erf11",
    ]


def test_says_what_joins_scales_that_do_not_fit(tmp_path: Path) -> None:
    net = Given(1, 1, 6, 6).op("Sub", 128.0).sign()
    start = net.here
    one = net.conv(2).norm().quant(4, 0.3).here
    net.back(start).conv(2).norm().quant(4, 0.41).concat(one).conv(2).sign().flatten().dense(2)
    net.model().save(str(tmp_path / "wrong.onnx"))
    (found,) = problems(tmp_path / "wrong.onnx")
    assert found.startswith("node concat")
    assert "one quantizer" in found


def test_says_how_many_steps_a_quantizer_has_that_is_too_wide(tmp_path: Path) -> None:
    writer = Writer((4, 4, 1))
    constants = [writer.constant(*each) for each in (("s", 2.0**-9), ("z", 0), ("b", 12))]
    writer.convolution("first", Conv(2, bits=4))
    domain = "qonnx.custom_op.general"
    flags = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    writer.step("Quant", *constants, name="wide", domain=domain, **flags)
    writer.flatten()
    writer.dense("last", 3, 4, "MatMul", False)
    path = tmp_path / "wide.onnx"
    writer.model().save(str(path))
    (found,) = problems(path)
    assert found.startswith("node wide (Quant): takes values of ")
    assert "at most 8 bits" in found


def test_metadata_of_the_model_count_as_those_of_the_graph(tmp_path: Path) -> None:
    model = NETWORK.build()
    onnx.helper.set_model_props(model.model, {"irnet_hw": json.dumps({"input_scale": "1/64"})})
    model.save(str(tmp_path / "model.onnx"))
    given = read(tmp_path / "model.onnx").given
    assert np.array_equal(logits(given, PIXELS), logits(NETWORK.build(), PIXELS / np.float32(64)))
