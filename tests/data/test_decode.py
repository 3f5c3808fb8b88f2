import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from irnet_hw.data.decode import decode, shape, suffixes
from irnet_hw.errors import UserError
from tests.data.photographs import encoded, images

PIXELS = images(1, 0)[0][0]
FILES = [encoded(PIXELS), encoded(PIXELS, "jpeg")]
LEVELS = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
UPPER = np.array([[0, 0, 1], [128, 254, 255]], np.uint8)
DAMAGED = "is not an image that can be read (PNG, JPEG, WebP, TIFF, BMP or GIF, for example), "
DAMAGED += "or is damaged"


def saved(image, kind="png", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def drawn(mode, size=(3, 2)):
    return Image.fromarray(PIXELS).resize(size).convert(mode)


def pixels(content, channels):
    image = decode(content, "here", channels)
    assert image.mode == {1: "L", 3: "RGB"}[channels]
    # The shape that a recipe reads from the header equals the decoded one.
    assert shape(content, "here")[:2] == (image.height, image.width)
    return np.asarray(image)


def refusal(content):
    found = set()
    for read in (lambda: decode(content, "here", 3), lambda: shape(content, "here")):
        with pytest.raises(UserError) as error:
            read()
        found.add(str(error.value))
    (message,) = found
    return message


def png(depth, colour, rows, extra=b""):
    """Return a PNG file made of raw rows, in a mode that Pillow doesn't write."""
    height, width = len(rows), len(rows[0]) * 8 // depth // {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))]
    if extra:
        chunks.append((b"tRNS", extra))
    chunks.append((b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))))
    chunks.append((b"IEND", b""))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(values, bits, sample_format=1, photometric=1, order="<"):
    """Return a TIFF file with one grey row of raw values."""
    data = values.tobytes()
    width = len(data) * 8 // bits
    tags = [(256, 3, width), (257, 3, 1), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 3, 1), (279, 4, len(data)), (339, 3, sample_format)]
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    entries = [
        struct.pack(order + "HHI", tag, kind, 1)
        + struct.pack(order + ("HH" if kind == 3 else "I"), *([value, 0][: 5 - kind]))
        for tag, kind, value in tags
    ]
    return head + data + struct.pack(order + "H", len(tags)) + b"".join(entries) + bytes(4)


def test_decodes_to_grey_or_colour():
    assert np.array_equal(pixels(FILES[0], 3), PIXELS)
    assert np.array_equal(pixels(FILES[0], 1), np.asarray(Image.fromarray(PIXELS).convert("L")))


KINDS = ["png", "bmp", "dds", "dib", "gif", "jpeg2000", "pcx", "ppm", "qoi", "sgi", "tga", "tiff"]


@pytest.mark.parametrize("kind", [*KINDS, "webp", "jpeg", "avif", "mpo"])
def test_every_format(kind):
    exact = {"webp": {"lossless": True}, "jpeg2000": {"irreversible": False}}
    content = saved(Image.fromarray(PIXELS), kind, **exact.get(kind, {}))
    difference = pixels(content, 3).astype(int) - PIXELS
    assert shape(content, "here") == (32, 32, 3)
    if kind in ("jpeg", "avif", "mpo", "gif"):
        assert np.abs(difference).mean() < 20
    else:
        assert not difference.any()


def test_drawings():
    bits = Image.fromarray(PIXELS).convert("1")
    assert np.array_equal(pixels(saved(bits, "xbm"), 1), np.asarray(bits.convert("L")))
    xpm = b'/* XPM */\nstatic char *a[] = {\n"2 1 2 1",\n"a c #ff0000",\n"b c #00ff00",\n"ab"\n};\n'
    assert pixels(xpm, 3).tolist() == [[[255, 0, 0], [0, 255, 0]]]


@pytest.mark.parametrize("kind", ["eps", "pdf", "ico", "im"])
def test_formats_that_are_not_read(kind):
    assert refusal(saved(drawn("RGB", (32, 32)), kind)) == f"here: {DAMAGED}"
    assert f".{kind}" not in suffixes()


def test_suffixes():
    assert {".png", ".jpg", ".jpeg", ".webp", ".tif", ".bmp", ".gif", ".mpo"} < set(suffixes())


@pytest.mark.parametrize("kind", ["png", "tiff", "ppm", "jpeg2000"])
def test_16_bit_grey_keeps_the_upper_8(kind):
    content = saved(
        Image.fromarray(LEVELS), kind, **({"irreversible": False} if "2" in kind else {})
    )
    assert np.array_equal(pixels(content, 1), UPPER)
    assert np.array_equal(pixels(content, 3), np.repeat(UPPER[..., None], 3, 2))
    assert shape(content, "here") == (2, 3, 1)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_and_alpha_keep_the_upper_8(colour, channels):
    levels = np.repeat(LEVELS[..., None], channels, 2)
    if channels in (2, 4):
        levels[..., -1] = 65535
    content = png(16, colour, [row.astype(">u2").tobytes() for row in levels])
    assert np.array_equal(pixels(content, 1), UPPER)


@pytest.mark.parametrize(("order", "white"), ["<1", ">1", "<0"])
def test_16_bit_tiff_of_any_order(order, white):
    content = tiff(LEVELS.ravel().astype(order + "u2"), 16, photometric=int(white), order=order)
    expected = UPPER.reshape(1, 6) if white == "1" else 255 - UPPER.reshape(1, 6)
    assert np.array_equal(pixels(content, 1), expected)


def test_few_bits_are_scaled():
    for depth, row, levels in ((1, 0b10100000, [255, 0, 255]), (2, 0b00011011, [0, 85, 170, 255])):
        assert pixels(png(depth, 0, [bytes([row])]), 1)[0, : len(levels)].tolist() == levels
    assert pixels(png(4, 0, [b"\x08\xf1"]), 1).tolist() == [[0, 136, 255, 17]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "PA"])
def test_modes_without_a_transparent_pixel(mode):
    image = drawn(mode)
    kind = "tiff" if mode == "PA" else "png"
    for channels in (1, 3):
        plain = image.convert("RGB").convert("L" if channels == 1 else "RGB")
        assert np.array_equal(pixels(saved(image, kind), channels), np.asarray(plain))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_colours_of_print_and_television(mode, kind):
    image = Image.new("RGB", (16, 16), (200, 40, 90))
    found = pixels(saved(image.convert(mode), kind), 3)
    assert np.abs(found.astype(int) - (200, 40, 90)).max() <= 3


def test_transparent_pixels_are_blended_with_white():
    colours = np.array([[[200, 100, 0, 0], [200, 100, 0, 255], [0, 0, 0, 128]]], np.uint8)
    expected = [[[255, 255, 255], [200, 100, 0], [127, 127, 127]]]
    for kind in ("png", "tiff", "webp"):
        options = {"lossless": True, "exact": True} if kind == "webp" else {}
        assert pixels(saved(Image.fromarray(colours), kind, **options), 3).tolist() == expected
    grey = np.array([[[9, 0], [9, 255]]], np.uint8)
    assert pixels(saved(Image.fromarray(grey)), 1).tolist() == [[255, 9]]


def test_a_transparent_colour():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    for kind in ("png", "gif"):
        content = saved(palette, kind, transparency=1)
        assert pixels(content, 3).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    content = saved(palette, transparency=b"\x80\xff")
    assert pixels(content, 3).tolist() == [[[132, 137, 142], [40, 50, 60]]]
    assert pixels(png(8, 0, [b"\x07\x08"], b"\0\x07"), 1).tolist() == [[255, 8]]


@pytest.mark.parametrize(("depth", "colour"), [(2, 0), (4, 0), (16, 0), (16, 2)])
def test_a_transparent_colour_of_other_than_8_bits(depth, colour):
    row = bytes(2 if colour == 0 else 6)
    assert refusal(png(depth, colour, [row], row)) == (
        f"here: has {depth} bits per channel and a transparent colour; must have 8 bits, or no "
        "transparent colour"
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (tiff(np.array([1, 2], "<u4"), 32), "holds 32-bit integers"),
        (tiff(np.array([1, 2], "<i4"), 32, sample_format=2), "holds 32-bit integers"),
        (tiff(np.array([1, 2], "<i2"), 16, sample_format=2), "holds 32-bit integers"),
        (tiff(np.array([1, 2], "<f4"), 32, sample_format=3), "holds floats"),
        (saved(Image.new("F", (3, 2)), "ppm"), "holds floats"),
        (saved(Image.new("LAB", (3, 2)), "tiff"), "is in LAB colours"),
    ],
)
def test_modes_that_are_refused(content, what):
    assert refusal(content) == (
        f"here: {what}, must be grey, RGB, CMYK or a palette, with 8 or 16 bits per channel"
    )


def test_12_bits_are_refused():
    content = tiff(np.array([1, 2, 3], np.uint8), 12)
    assert refusal(content) == "here: has 12 bits per channel, must have 8 or 16"


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff", "avif"])
def test_several_pictures(kind):
    more = Image.fromarray(255 - PIXELS)
    content = saved(Image.fromarray(PIXELS), kind, save_all=True, append_images=[more])
    assert refusal(content) == "here: holds several pictures; a file must hold one"


def test_the_first_picture_of_a_camera():
    more = Image.fromarray(255 - PIXELS)
    content = saved(Image.fromarray(PIXELS), "mpo", save_all=True, append_images=[more])
    assert np.abs(pixels(content, 3).astype(int) - PIXELS).mean() < 20


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp", "avif"])
def test_a_picture_is_turned_upright(kind, orientation):
    corner = np.zeros((16, 32, 3), np.uint8)
    corner[:8, :16] = 255  # the upper left quarter
    exif = Image.Exif()
    exif[274] = orientation
    found = pixels(saved(Image.fromarray(corner), kind, exif=exif), 1)
    assert found.shape == ((16, 32) if orientation < 5 else (32, 16))
    # Where EXIF says that the first row and column belong.
    vertical, horizontal = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0)}.get(
        orientation, {6: (0, 1), 7: (1, 1), 8: (1, 0)}.get(orientation)
    )
    height, width = (side // 2 for side in found.shape)
    quarters = found.reshape(2, height, 2, width).mean((1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == (vertical, horizontal)


@pytest.mark.parametrize("exif", [b"hello", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_garbled_exif_spoils_no_picture(exif):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in ("png", "webp"):
            content = saved(Image.fromarray(PIXELS), kind, exif=exif, lossless=True)
            assert np.array_equal(pixels(content, 3), PIXELS)


def test_a_small_file_of_too_many_pixels():
    content = bytearray(FILES[0])
    content[16:24] = struct.pack(">II", 20000, 20000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    assert refusal(bytes(content)).startswith("here: has too many pixels: Image size (400000000")


def test_a_large_picture_is_read_without_a_warning():
    """Pillow warns of more than half of the pixels that it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = saved(Image.new("1", (10_000, 9_000)))
        assert shape(content, "here") == (9_000, 10_000, 1)
        assert decode(content, "here", 1).size == (10_000, 9_000)


@pytest.mark.parametrize("content", [b"", b"hello", *(file[:500] for file in FILES)])
def test_damage(content):
    with pytest.raises(UserError) as error:
        decode(content, "here", 3)
    assert str(error.value) == f"here: {DAMAGED}"


MANY = [
    *FILES,
    *(
        saved(Image.fromarray(PIXELS), kind)
        for kind in ("gif", "tiff", "webp", "qoi", "tga", "dds")
    ),
    saved(drawn("P"), "png", transparency=b"\x80\xff"),
    saved(Image.fromarray(LEVELS), "tiff"),
]


@given(st.sampled_from(MANY), st.integers(0, 10000), st.binary(min_size=1, max_size=8))
def test_no_damage_ends_in_a_traceback(content, place, change):
    start = place % len(content)
    content = content[:start] + change + content[start + len(change) :]
    for read in (lambda: decode(content, "here", 3), lambda: shape(content, "here")):
        try:
            read()
        except UserError as error:
            assert str(error).startswith("here: ")
