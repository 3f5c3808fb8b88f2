import pytest

from irnet_hw.errors import UserError
from irnet_hw.form import AMOUNT, COUNT, FLAG, SHARE, SIZE, TEXT, Each, Maybe, check

FORM = {
    "images": SIZE,
    "accuracy": Maybe({"rtl": SHARE}),
    "tensors": [{"name": TEXT, "differences": COUNT}],
    "area": Each(AMOUNT),
    "exact": FLAG,
}
RIGHT = {
    "images": 3,
    "accuracy": {"rtl": 1, "more": None},
    "tensors": [{"name": "a", "differences": 0}],
    "area": {"LUT": 3.5},
    "exact": True,
    "unknown": [],
}


def test_what_is_right_passes():
    check(RIGHT, FORM, "f.json")
    check({**RIGHT, "accuracy": None, "tensors": [], "area": {}}, FORM, "f.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": True}, "images = true, must be an integer of at least 1"),
        ({"images": 0}, "images = 0, must be an integer of at least 1"),
        ({"images": "x" * 300}, f'images = "{"x" * 199}..., must be an integer of at least 1'),
        ({"accuracy": 1}, "accuracy = 1, must be an object"),
        ({"accuracy": {}}, "accuracy.rtl is missing"),
        ({"accuracy": {"rtl": 1.5}}, "accuracy.rtl = 1.5, must be a number from 0 to 1"),
        ({"tensors": {}}, "tensors = {}, must be a list"),
        (
            {"tensors": [{"name": "a", "differences": 0}, {"name": 1, "differences": 0}]},
            "tensors[1].name = 1, must be a string",
        ),
        ({"area": {"a\nb": -1}}, "area.'a\\nb' = -1, must be a finite number of at least 0"),
        ({"exact": 1}, "exact = 1, must be true or false"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(UserError) as error:
        check({**RIGHT, **changes}, FORM, "f.json", "make it again")
    assert str(error.value) == f"f.json: {message}; make it again"


def test_content_of_another_type():
    with pytest.raises(UserError) as error:
        check([], FORM, "f.json")
    assert str(error.value) == "f.json: content = [], must be an object"
