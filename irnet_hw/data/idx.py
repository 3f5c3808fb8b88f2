"""IDX, the format of MNIST's files: a header with sizes, then the bytes, optionally gzipped."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes

#: Element type in a file's third byte: uint8.
UINT8 = 8


def read(path: Path, dims: int) -> npt.NDArray[np.uint8]:
    """Return the array in a file.

    Args:
        path: path of the file; gzipped if it ends in ".gz".
        dims: number of dimensions it must have.

    Raises:
        UserError: the file can't be read, is damaged or is something else.
    """
    damaged = f"{path}: is damaged, or is not an IDX file of bytes in {dims} dimensions"
    content = file_bytes(path)
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise UserError(damaged) from error
    start = 4 + 4 * dims
    if content[:4] != bytes([0, 0, UINT8, dims]) or len(content) < start:
        raise UserError(damaged)
    shape = [int(size) for size in np.frombuffer(content, ">u4", dims, offset=4)]
    if len(content) - start != math.prod(shape):
        raise UserError(
            f"{path}: is damaged: {len(content) - start} bytes, must be "
            f"{' x '.join(map(str, shape))} as its header says"
        )
    # A copy, because PyTorch warns about arrays that can't be written.
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
