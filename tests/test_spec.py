import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from irnet_hw import spec
from irnet_hw.errors import UserError
from tests.compiler.graphs import Conv, Network

NETWORK = Network(image=(4, 4, 1), layers=(Conv(2, bits=8),), classes=2)


def with_metadata(text):
    model = NETWORK.build()
    model.set_metadata_prop(spec.METADATA_KEY, text)
    return model


def test_metadata_may_be_absent_or_in_part():
    assert spec.metadata(NETWORK.build()) == {}
    text = '{"labels": ["a", "b"], "more": 1, "accuracy": {"images": 3, "qonnx": 0.5}}'
    assert spec.metadata(with_metadata(text))["labels"] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "content = [1], must be an object"),
        ('{"name": 1}', "name = 1, must be a string"),
        ('{"labels": null}', "labels = null, must be a list"),
        ('{"recipe": []}', "recipe = [], must be an object"),
        (
            '{"accuracy": {"qonnx": 0.5}}',
            "accuracy: images is missing",
        ),
        (
            '{"accuracy": {"qonnx": NaN, "images": 3}}',
            "is not JSON: NaN is not a JSON number",
        ),
    ],
)
def test_metadata_of_another_form(text, message):
    with pytest.raises(UserError) as error:
        spec.metadata(with_metadata(text))
    assert str(error.value) == f"metadata irnet_hw: {message}"


def identity(shape):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g", *([e] for e in ends)
    )
    return ModelWrapper(qonnx_make_model(graph))


@pytest.mark.parametrize(
    ("shape", "images"),
    [([1, 3, 4, 5], (4, 5, 3)), ([1, 2, 7], (7, 1, 2)), ([1, 9], (9,)), ([1, 1, 4], (4, 1, 1))],
)
def test_images_signals_and_vectors_are_inputs(shape, images):
    """The channels are last in images and first in the file."""
    model = identity(shape)
    assert spec.image_shape(model) == images
    given = np.random.default_rng(0).integers(0, 256, (3, *images), dtype=np.uint8)
    found = spec.run(model, given)["y"]
    assert found.dtype == np.float32
    assert found.shape == (3, *shape[1:])
    assert np.array_equal(spec.channels_last(found).reshape(given.shape), given)
    if len(shape) == 3:
        assert found[1, 0, 3] == given[1, 3, 0, 0]


@pytest.mark.parametrize("shape", [[2, 3], [1, 0], [1], [1, 1, 2, 3, 4]])
def test_other_inputs_are_refused(shape):
    with pytest.raises(UserError, match=r"must be \[1, channels, height, width\], \[1, channels, "):
        spec.image_shape(identity(shape))
