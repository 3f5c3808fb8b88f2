"""Image files to pixels: which formats are read, and what becomes of each mode.

A file is one picture, in one of ``FORMATS``: raster formats that Pillow itself decodes. Formats
that need another program (EPS, PDF, WMF), icons, which hold the same picture several times, and
scientific formats are not read. Pixels become 8-bit grey or 8-bit RGB:

- 8 bits a channel are taken as stored. Colour profiles and gamma are not applied.
- 1, 2 and 4 bits of grey are scaled to 0 to 255.
- Of 16 bits a channel the upper 8 are taken: 65535 and 65280 become 255. A 16-bit file whose
  levels end at 4095 is therefore dark, as it is in a viewer.
- Palettes are looked up.
- Transparent pixels are blended with white.
- CMYK becomes RGB by Pillow's plain formula, and YCbCr by JPEG's.
- Colour becomes grey, where grey is asked for, by ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
- A picture that says how to turn it (EXIF or XMP orientation, as cameras write it) is turned.
- Of a PSD file the picture of all layers is taken, of a camera's MPO file the first picture.

Refused by name, as nothing says what is right: 32-bit integers and floats (where is white?),
12-bit TIFF, LAB and other modes, one transparent colour in 16 bits, and files with several
pictures, such as animations and TIFF of several pages.
"""

import contextlib
import io
from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from irnet_hw.errors import UserError

#: By Pillow's names. JPEG reads MPO too.
FORMATS = (
    *("AVIF", "BMP", "DDS", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "PSD", "QOI"),
    *("SGI", "SUN", "TGA", "TIFF", "WEBP", "XBM", "XPM"),
)

#: What most files are, for messages.
COMMON = "PNG, JPEG, WebP, TIFF, BMP or GIF"

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")

#: Modes whose colours are multiplied by alpha, and those in which they are not.
_PLAIN_ALPHA = {"La": "LA", "RGBa": "RGBA"}

#: Formats of which the first of several pictures is the one that is meant.
_FIRST_COUNTS = ("MPO", "PSD")

_REFUSED = {
    "I": "holds 32-bit integers",
    "F": "holds floats",
    "LAB": "is in LAB colours",
}

_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # of TIFF

#: By EXIF's orientation, how an image is turned upright.
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
    """Return the endings of the names of image files, in lower case, with their dots."""
    known = Image.registered_extensions()
    return tuple(suffix for suffix, kind in known.items() if kind in (*FORMATS, "MPO"))


def decode(content: bytes, where: str, channels: int) -> Image.Image:
    """Return the picture that a file holds, upright, of mode "L" or "RGB".

    Args:
        content: of the file.
        where: the file's path, or its place in one, for messages.
        channels: 1 for grey levels, 3 for red, green and blue; others are converted.

    Raises:
        UserError: the file is damaged, of no format that is read, or of a mode that is refused.
    """
    image = _open(content, where)
    with _damage(where):
        image.load()
        turn = _TURNS.get(_orientation(image))
        image = _opaque(_eight_bits(image)).convert("L" if channels == 1 else "RGB")
        return image if turn is None else image.transpose(turn)


def shape(content: bytes, where: str) -> tuple[int, int, int]:
    """Return height, width and channels of the picture that a file holds, without decoding it.

    Args:
        content: of the file.
        where: the file's path, or its place in one, for messages.

    Returns:
        the sizes when it is upright, and 1 channel for grey, 3 for colour.

    Raises:
        UserError: the file is damaged, of no format that is read, or of a mode that is refused.
    """
    image = _open(content, where)
    with _damage(where):
        width, height = image.size
        # Pillow turns TIFF by itself, and says the size after that.
        if not isinstance(image, TiffImageFile) and _orientation(image) in (5, 6, 7, 8):
            width, height = height, width
        return height, width, 3 if image.mode in _COLOUR else 1


def _open(content: bytes, where: str) -> Image.Image:
    """Return an image that is not yet decoded, having checked that it is one that is read."""
    with _damage(where):
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        several = image.format not in _FIRST_COUNTS and getattr(image, "is_animated", False)
        mode = "I;16" if _is_16_bit(image) else image.mode
        bits = image.tag_v2.get(_BITS) if isinstance(image, TiffImageFile) else None
        # Pillow compares the upper 8 bits of a pixel with all 16 of the transparent colour.
        keyed = image.format == "PNG" and content[24] == 16 and "transparency" in image.info
    if several:
        raise UserError(f"{where}: holds several pictures; a file must hold one")
    if bits == (12,):
        raise UserError(f"{where}: has 12 bits a channel, must have 8 or 16")
    if keyed:
        raise UserError(
            f"{where}: has 16 bits a channel and a transparent colour; must have 8 bits, or "
            "no transparent colour"
        )
    if mode not in (*_GREY, *_COLOUR, *_SIXTEEN):
        raise UserError(
            f"{where}: {_REFUSED.get(mode, f'is of mode {mode}')}, must be grey, RGB, CMYK or a "
            "palette of 8 bits, or of 16 bits a channel"
        )
    return image


@contextlib.contextmanager
def _damage(where: str) -> Iterator[None]:
    """Make an error of Pillow's within one of the user's: which one it is says little."""
    try:
        yield
    except Image.DecompressionBombError as error:
        # Pillow's limit: a small file may claim any number of them.
        raise UserError(f"{where}: has too many pixels: {error}") from error
    except Exception as error:  # twenty decoders, and damage ends each of them in its own way
        raise UserError(
            f"{where}: is no image that can be read ({COMMON}, for example), or is damaged"
        ) from error


def _is_16_bit(image: Image.Image) -> bool:
    """Say whether an image is of 16-bit grey, whose white is 65535."""
    # PGM's levels are scaled to this range.
    return image.mode in _SIXTEEN or (image.format == "PPM" and image.mode == "I")


def _orientation(image: Image.Image) -> int:
    """Return how an image is to be turned, as EXIF numbers it, from 1 for not at all to 8."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # garbled EXIF data says nothing, and spoils no pixel
        return 1
    return found if isinstance(found, int) else 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image with the upper 8 of its 16 bits, or as it is if it has 8."""
    if not _is_16_bit(image):
        return image
    levels = np.asarray(image) >> 8
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        levels = 255 - levels  # Pillow does this for 8 bits only
    return Image.fromarray(levels.astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image blended with white where it is transparent."""
    if not image.has_transparency_data:
        return image
    if image.mode in _PLAIN_ALPHA:
        image = image.convert(_PLAIN_ALPHA[image.mode])
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
