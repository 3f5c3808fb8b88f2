"""Bicubic resampling with antialiasing, as papers on super-resolution shrink images.

It is the resampling of MATLAB's ``imresize``: Keys' kernel with a = -1/2, stretched by the scale
when an image shrinks, weights that sum to 1, and mirrored borders. Keys, "Cubic Convolution
Interpolation for Digital Image Processing", IEEE TASSP 1981.
"""

import math

import numpy as np
import numpy.typing as npt

#: Half the width of the kernel, in pixels of the coarser image.
_REACH = 2.0


def resized(image: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    """Return an image in another size, float64 [height, width], neither rounded nor clipped.

    Args:
        image: grey levels [H, W].
        height: number of rows of the result.
        width: number of columns of the result.

    Example:
        >>> resized(np.arange(8.0).reshape(1, 8), 1, 4).round(4).tolist()
        [[0.4492, 2.4883, 4.5117, 6.5508]]
    """
    down, across = _matrix(image.shape[0], height), _matrix(image.shape[1], width)
    result: npt.NDArray[np.float64] = down @ image @ across.T
    return result


def rounded(image: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return grey levels as 8-bit integers, rounded half up and clipped."""
    return np.floor(image + 0.5).clip(0, 255).astype(np.uint8)


def _matrix(inputs: int, outputs: int) -> npt.NDArray[np.float64]:
    """Return the weight of each input pixel in each output pixel, float64 [outputs, inputs]."""
    scale = outputs / inputs
    sharpness = min(scale, 1.0)
    # The centres of the output pixels in the input's coordinates, where pixel i is centred at i.
    centres = (np.arange(outputs) + 0.5) / scale - 0.5
    reach = _REACH / sharpness
    taps = np.floor(centres - reach)[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weights = _keys((centres[:, None] - taps) * sharpness)
    weights /= weights.sum(1, keepdims=True)
    # Beyond a border the image is mirrored: ... 1 0 | 0 1 2 ...
    folded = taps.astype(np.int64) % (2 * inputs)
    folded = np.minimum(folded, 2 * inputs - 1 - folded)
    matrix = np.zeros((outputs, inputs))
    np.add.at(matrix, (np.arange(outputs)[:, None], folded), weights)
    return matrix


def _keys(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Keys' cubic kernel for a = -1/2."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))
