import pytest

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
