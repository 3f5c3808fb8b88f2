"""Decode image files: which formats are read, and how each mode becomes pixels.

A file must hold one picture in one of ``FORMATS``, the raster formats that Pillow itself decodes.
Formats that need another program (EPS, PDF, WMF), icons (which hold the same picture several
times) and scientific formats are not read. Pixels become 8-bit grey or 8-bit RGB:

- 8 bits per channel are taken as stored. Colour profiles and gamma are not applied.
- 1, 2 and 4-bit grey is scaled to 0 to 255.
- With 16 bits per channel, the upper 8 are taken: 65535 and 65280 become 255. A 16-bit file
  whose levels end at 4095 is therefore dark, as it is in a viewer.
- Palettes are looked up.
- Transparent pixels are blended with white.
- CMYK becomes RGB by Pillow's plain formula, and YCbCr by JPEG's.
- Where grey is wanted, colour is converted by ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
- A picture with an EXIF or XMP orientation, as cameras write it, is turned upright.
- A PSD file gives the merged picture of all layers, a camera's MPO file its first picture.

Files whose right conversion is unknown are refused by name: 32-bit integers and floats (where is
white?), 12-bit TIFF, LAB and other modes, PNG of 2, 4 or 16 bits per channel with one transparent
colour, and files with several pictures, such as animations and multi-page TIFF.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from irnet_hw.errors import UserError

#: Pillow's format names. JPEG reads MPO too.
FORMATS = (
    *("AVIF", "BMP", "DDS", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "PSD", "QOI"),
    *("SGI", "SUN", "TGA", "TIFF", "WEBP", "XBM", "XPM"),
)

#: The most common formats, for messages.
COMMON = "PNG, JPEG, WebP, TIFF, BMP or GIF"

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")

#: Modes with premultiplied alpha, and their counterparts without.
_PLAIN_ALPHA = {"La": "LA", "RGBa": "RGBA"}

#: Formats in which the first of several pictures is the one to use.
_FIRST_COUNTS = ("MPO", "PSD")

_REFUSED = {
    "I": "holds 32-bit integers",
    "F": "holds floats",
    "LAB": "is in LAB colours",
}

_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # of TIFF

#: How to turn an image upright, by EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def suffixes() -> tuple[str, ...]:
    """Return the file name suffixes of images, in lower case, with their dots."""
    known = Image.registered_extensions()
    return tuple(suffix for suffix, kind in known.items() if kind in (*FORMATS, "MPO"))


def decode(content: bytes, where: str, channels: int) -> Image.Image:
    """Return the picture in a file, upright, in mode "L" or "RGB".

    Args:
        content: the file's content.
        where: the file's path, or its place in a larger file, for messages.
        channels: convert to 1 (grey) or 3 (red, green and blue) channels.

    Raises:
        UserError: the file is damaged, or its format or mode is not supported.
    """
    image = _open(content, where)
    with _damage(where):
        image.load()
        turn = _TURNS.get(_orientation(image))
        image = _opaque(_eight_bits(image)).convert("L" if channels == 1 else "RGB")
        return image if turn is None else image.transpose(turn)


def shape(content: bytes, where: str) -> tuple[int, int, int]:
    """Return height, width and channels of the picture in a file, without decoding it.

    Args:
        content: the file's content.
        where: the file's path, or its place in a larger file, for messages.

    Returns:
        the height and width of the upright picture, and 1 channel for grey or 3 for colour.

    Raises:
        UserError: the file is damaged, or its format or mode is not supported.
    """
    image = _open(content, where)
    with _damage(where):
        width, height = image.size
        # Pillow turns TIFF itself and reports the size after turning.
        if not isinstance(image, TiffImageFile) and _orientation(image) in (5, 6, 7, 8):
            width, height = height, width
        return height, width, 3 if image.mode in _COLOUR else 1


def _open(content: bytes, where: str) -> Image.Image:
    """Open an image without decoding it; refuse unsupported formats and modes."""
    with _damage(where):
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        several = image.format not in _FIRST_COUNTS and getattr(image, "is_animated", False)
        mode = "I;16" if _is_16_bit(image) else image.mode
        bits = image.tag_v2.get(_BITS) if isinstance(image, TiffImageFile) else None
        depth = content[24] if image.format == "PNG" else 8
        # Pillow compares pixels scaled to 8 bits with the transparent colour as stored.
        keyed = depth in (2, 4, 16) and image.mode != "P" and "transparency" in image.info
    if several:
        raise UserError(f"{where}: holds several pictures; a file must hold one")
    if bits == (12,):
        raise UserError(f"{where}: has 12 bits per channel, must have 8 or 16")
    if keyed:
        raise UserError(
            f"{where}: has {depth} bits per channel and a transparent colour; must have 8 bits, or "
            "no transparent colour"
        )
    if mode not in (*_GREY, *_COLOUR, *_SIXTEEN):
        raise UserError(
            f"{where}: {_REFUSED.get(mode, f'has mode {mode}')}, must be grey, RGB, CMYK or a "
            "palette, with 8 or 16 bits per channel"
        )
    return image


@contextlib.contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn any error from Pillow into a UserError; its own message would say little.

    Its warnings are left out: an image is read or refused. They tell of damage that doesn't affect
    the pixels, or of sizes above half of Pillow's limit, which are read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as error:
        # Pillow's limit; a small file may claim any number of pixels.
        raise UserError(f"{where}: has too many pixels: {error}") from error
    except Exception as error:  # twenty decoders, and each fails on damage in its own way
        raise UserError(
            f"{where}: is not an image that can be read ({COMMON}, for example), or is damaged"
        ) from error


def _is_16_bit(image: Image.Image) -> bool:
    """Return whether an image is 16-bit grey, whose white is 65535."""
    # Pillow scales PGM's levels to this range.
    return image.mode in _SIXTEEN or (image.format == "PPM" and image.mode == "I")


def _orientation(image: Image.Image) -> int:
    """Return an image's EXIF orientation, from 1 (upright) to 8."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # garbled EXIF data does not affect the pixels
        return 1
    return found if isinstance(found, int) else 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Reduce a 16-bit image to its upper 8 bits; return any other image unchanged."""
    if not _is_16_bit(image):
        return image
    levels = np.asarray(image) >> 8
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        levels = 255 - levels  # Pillow does this for 8 bits only
    return Image.fromarray(levels.astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """Blend an image with white where it is transparent."""
    if not image.has_transparency_data:
        return image
    if image.mode in _PLAIN_ALPHA:
        image = image.convert(_PLAIN_ALPHA[image.mode])
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
