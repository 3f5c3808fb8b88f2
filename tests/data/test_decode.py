import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from irnet_hw.data.decode import decode
from irnet_hw.errors import UserError
from tests.data.photographs import encoded, images

PIXELS = images(1, 0)[0][0]
FILES = [encoded(PIXELS), encoded(PIXELS, "jpeg")]


def test_decodes_to_grey_or_colour():
    assert np.array_equal(np.asarray(decode(FILES[0], "here", 3)), PIXELS)
    grey = np.asarray(decode(FILES[0], "here", 1))
    assert np.array_equal(grey, np.asarray(Image.fromarray(PIXELS).convert("L")))


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "I;16", "CMYK", "L"])
def test_modes_are_converted(mode):
    buffer = io.BytesIO()
    Image.new(mode, (3, 2)).save(buffer, "jpeg" if mode == "CMYK" else "png")
    for channels in (1, 3):
        image = np.asarray(decode(buffer.getvalue(), "here", channels))
        assert image.shape == ((2, 3) if channels == 1 else (2, 3, 3))


@pytest.mark.parametrize("content", [b"", b"hello", *(file[:500] for file in FILES)])
def test_damage(content):
    with pytest.raises(UserError) as error:
        decode(content, "here", 3)
    assert str(error.value) == "here: is not a PNG, JPEG or WebP image, or is damaged"


def test_other_formats_are_refused():
    with pytest.raises(UserError):
        decode(encoded(PIXELS, "gif"), "here", 3)


@given(st.sampled_from(FILES), st.integers(0, 10000), st.binary(min_size=1, max_size=8))
def test_no_damage_ends_in_a_traceback(content, place, change):
    start = place % len(content)
    try:
        decode(content[:start] + change + content[start + len(change) :], "here", 3)
    except UserError as error:
        assert str(error) == "here: is not a PNG, JPEG or WebP image, or is damaged"
