"""How close an enlarged image is to the original: PSNR and SSIM, as papers measure them.

Both leave out a border as wide as the scale, and take luma from 0 to 255.
"""

import math

import numpy as np
import numpy.typing as npt

#: SSIM's window and the standard deviation of its Gaussian weights, in pixels.
WINDOW, _SIGMA = 11, 1.5
#: The least height and width of what SSIM compares.
LEAST_SIDE = WINDOW
_PEAK = 255.0
#: What stands for the infinite PSNR of equal images, so that means are finite.
EQUAL = 100.0
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2

Image = npt.NDArray[np.uint8]


def psnr(enlarged: Image, original: Image, border: int) -> float:
    """Return the peak signal-to-noise ratio in dB; 100 for equal images, where it is infinite.

    Args:
        enlarged: uint8 [height, width].
        original: uint8 [height, width].
        border: how many pixels to leave out on each side.

    Example:
        >>> original = np.zeros((16, 16), np.uint8)
        >>> round(psnr(original + np.uint8(1), original, 2), 2)
        48.13
    """
    error = _inner(enlarged, border) - _inner(original, border)
    square = float(np.mean(error**2))
    return 10 * math.log10(_PEAK**2 / square) if square else EQUAL


def ssim(enlarged: Image, original: Image, border: int) -> float:
    """Return the structural similarity, 1 for equal images.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE
    TIP 2004: a Gaussian window of 11x11 pixels that stays within the image.

    Args:
        enlarged: uint8 [height, width].
        original: uint8 [height, width].
        border: how many pixels to leave out on each side.
    """
    x, y = _inner(enlarged, border), _inner(original, border)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    size = (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    return float(np.mean(likeness / size))


def _inner(image: Image, border: int) -> npt.NDArray[np.float64]:
    height, width = image.shape
    return image[border : height - border, border : width - border].astype(np.float64)


def _blurred(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Gaussian means of all windows within an image."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(image, WINDOW, axis)
        image = windows @ weights
    return image
