import os
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.data import cifar_pickle
from irnet_hw.errors import UserError
from tests.data import python2

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)
GOOD = python2.dumps({b"data": ARRAY, b"labels": [7, 8, 9]})


def read(content):
    return cifar_pickle.read(content, "labels", 4, "here")


def refusal(content):
    with pytest.raises(UserError) as error:
        read(content)
    return str(error.value)


def test_what_the_tests_write_is_what_numpy_reads():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about a module's old name
        table = pickle.loads(GOOD, encoding="bytes")
    assert np.array_equal(table[b"data"], ARRAY)
    assert table[b"labels"] == [7, 8, 9]


def test_reads():
    images, labels = read(GOOD)
    assert images.dtype == np.uint8
    assert np.array_equal(images, ARRAY)
    assert labels == [7, 8, 9]


def test_the_new_name_of_a_module():
    images, _ = read(GOOD.replace(b"numpy.core.multiarray", b"numpy._core.multiarray"))
    assert np.array_equal(images, ARRAY)


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_not_run(tmp_path, protocol):
    mark = tmp_path / "ran"
    content = pickle.dumps({"data": Runs(os.mkdir, str(mark))}, protocol)
    assert refusal(content) == (
        "here: asks for Python's posix.mkdir, which CIFAR's files don't need; it was not run"
    )
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", [b"builtins\neval", b"numpy\nload", b"numpy.core.multiarray\nscalar", b"copyreg\n_x"]
)
def test_nothing_else_is_admitted(name):
    asked = name.decode().replace("\n", ".")
    assert refusal(b"c" + name + b"\n.") == (
        f"here: asks for Python's {asked}, which CIFAR's files don't need; it was not run"
    )


@pytest.mark.parametrize("content", [b"", b"hello", GOOD[:-1], GOOD[:-40], b"\x80\x02K\x00R."])
def test_damage(content):
    assert refusal(content) == "here: is damaged, or is not one of CIFAR's pickles"


WIDTH = "here: data: must be an array of bytes, 4 for each image"
LABELS = "here: labels: must be a list of integers"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (python2.dumps([1]), WIDTH),
        (python2.dumps({b"labels": [7]}), WIDTH),
        (python2.dumps({b"data": [1], b"labels": [7]}), WIDTH),
        (python2.dumps({b"data": ARRAY.reshape(4, 3), b"labels": [7] * 4}), WIDTH),
        (python2.dumps({b"data": ARRAY[0], b"labels": [7]}), WIDTH),
        (python2.dumps({b"data": ARRAY[:0], b"labels": []}), WIDTH),
        (GOOD.replace(b"U\2u1", b"U\2i1"), WIDTH),
        (GOOD.replace(b"\x89U", b"\x88U"), WIDTH),
        (python2.dumps({b"data": ARRAY}), LABELS),
        (python2.dumps({b"data": ARRAY, b"labels": [b"7"] * 3}), LABELS),
        (
            python2.dumps({b"data": ARRAY, b"labels": [7]}),
            "here: labels: 1, must be 3, one for each image",
        ),
    ],
)
def test_something_else(content, message):
    assert refusal(content) == message


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_no_damage_ends_in_a_traceback(start, change):
    content = GOOD[:start] + change + GOOD[start + len(change) :]
    try:
        images, labels = read(content)
    except UserError as error:
        assert str(error).startswith("here: ")
    else:
        assert images.shape == (len(labels), 4)
