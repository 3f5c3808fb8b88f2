"""Reference for the input and output of a convolution's matrix-vector unit, in plain loops."""

import numpy as np


def sliding_windows(image, kernel, stride, padding):
    """Return (N, OH, OW, kh * kw * C) windows of an (N, H, W, C) image; padded taps carry -1."""
    top, left, bottom, right = padding
    frames, height, width, channels = image.shape
    padded = np.full((frames, height + top + bottom, width + left + right, channels), -1)
    padded[:, top : top + height, left : left + width] = image
    rows = (padded.shape[1] - kernel[0]) // stride[0] + 1
    columns = (padded.shape[2] - kernel[1]) // stride[1] + 1
    windows = np.empty((frames, rows, columns, kernel[0] * kernel[1] * channels), np.int64)
    for y in range(rows):
        for x in range(columns):
            at = padded[:, y * stride[0] :, x * stride[1] :]
            windows[:, y, x] = at[:, : kernel[0], : kernel[1]].reshape(frames, -1)
    return windows


def side_by_side(windows, taps, lanes):
    """Return windows (..., taps * C) with all taps of each ``lanes`` channels together."""
    *outer, size = windows.shape
    split = windows.reshape(*outer, taps, size // taps // lanes, lanes)
    return split.swapaxes(-3, -2).reshape(*outer, size)


def convolution(image, W, kernel, stride, padding):
    """Return the zero-padded convolution (N, OH, OW, MH); W is (kh * kw * C, MH)."""
    top, left, bottom, right = padding
    frames, height, width, channels = image.shape
    weights = W.reshape(*kernel, channels, -1)
    rows = (height + top + bottom - kernel[0]) // stride[0] + 1
    columns = (width + left + right - kernel[1]) // stride[1] + 1
    result = np.zeros((frames, rows, columns, W.shape[1]), np.int64)
    for y in range(rows):
        for x in range(columns):
            for j in range(kernel[0]):
                for i in range(kernel[1]):
                    at_y, at_x = y * stride[0] + j - top, x * stride[1] + i - left
                    if 0 <= at_y < height and 0 <= at_x < width:
                        result[:, y, x] += image[:, at_y, at_x] @ weights[j, i]
    return result
