"""Image files to pixels."""

import io
import struct
import zlib

from PIL import Image

from irnet_hw.errors import UserError

#: Others need not be let near the data.
FORMATS = ("JPEG", "PNG", "WEBP")


def decode(content: bytes, where: str, channels: int) -> Image.Image:
    """Return the image that a file holds.

    Args:
        content: of the file, PNG, JPEG or WebP.
        where: the file's path, or its place in one, for messages.
        channels: 1 for grey levels, 3 for red, green and blue; others are converted.

    Raises:
        UserError: it is damaged or something else.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.load()
            mode = "L" if channels == 1 else "RGB"
            return image if image.mode == mode else image.convert(mode)
    except (
        Image.DecompressionBombError,
        EOFError,
        OSError,
        SyntaxError,  # so Pillow calls a broken PNG
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise UserError(f"{where}: is not a PNG, JPEG or WebP image, or is damaged") from error
