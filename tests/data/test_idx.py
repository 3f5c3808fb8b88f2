import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from irnet_hw.data import idx
from irnet_hw.errors import UserError
from tests.data import photographs


@given(
    array=st.integers(1, 4).flatmap(
        lambda dims: arrays(np.uint8, st.tuples(*[st.integers(0, 5)] * dims))
    ),
    compressed=st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, array, compressed):
    content = photographs.idx(array)
    path = tmp_path_factory.mktemp("idx") / ("a.gz" if compressed else "a")
    path.write_bytes(gzip.compress(content, mtime=0) if compressed else content)
    assert np.array_equal(idx.read(path, array.ndim), array)


GOOD = photographs.idx(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a", b""),
        ("a", GOOD[:9]),
        ("a", b"hello, this is a text"),
        ("a", photographs.idx(np.zeros(6))),
        ("a", b"\0\0\x0d" + GOOD[3:]),
        ("a", gzip.compress(GOOD, mtime=0)),
        ("a.gz", GOOD),
        ("a.gz", gzip.compress(GOOD, mtime=0)[:-9]),
        ("a.gz", gzip.compress(GOOD, mtime=0)[:-8] + bytes(8)),
        ("a.gz", gzip.compress(GOOD, mtime=0)[:12] + bytes(20)),
    ],
)
def test_damage(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        idx.read(path, 2)
    assert str(error.value) == f"{path}: is damaged, or is not an IDX file of bytes in 2 dimensions"


@pytest.mark.parametrize("content", [GOOD[:-1], GOOD + b"\0"])
def test_another_length(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        idx.read(path, 2)
    assert str(error.value) == (
        f"{path}: is damaged: {len(content) - 12} bytes, must be 2 x 3 as its header says"
    )


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError) as error:
        idx.read(tmp_path / "a", 1)
    assert str(error.value) == f"{tmp_path / 'a'}: can't be read: No such file or directory"
