import math

import numpy as np
import pytest

from irnet_hw.data.metrics import psnr, ssim


def images(seed=0):
    generator = np.random.default_rng(seed)
    original = generator.integers(0, 256, (24, 30), np.uint8)
    noise = generator.integers(-9, 10, original.shape)
    return (original + noise).clip(0, 255).astype(np.uint8), original


def test_psnr_is_that_of_the_mean_square_error_within_the_border():
    enlarged, original = images()
    errors = [
        (int(enlarged[y, x]) - int(original[y, x])) ** 2 for y in range(3, 21) for x in range(3, 27)
    ]
    known = 20 * math.log10(255) - 10 * math.log10(sum(errors) / len(errors))
    assert psnr(enlarged, original, 3) == pytest.approx(known, abs=1e-9)


def test_the_border_does_not_count():
    enlarged, original = images()
    changed = enlarged.copy()
    changed[:2] = changed[:, -2:] = 0
    assert psnr(changed, original, 2) == psnr(enlarged, original, 2)
    assert psnr(changed, original, 1) < psnr(enlarged, original, 1)
    assert ssim(changed, original, 2) == ssim(enlarged, original, 2)


def test_equal_images():
    _, original = images()
    assert psnr(original, original, 2) == 100
    assert ssim(original, original, 2) == 1


def test_ssim_is_the_formulas_mean_over_all_windows():
    enlarged, original = images(3)
    x, y = (image[2:-2, 2:-2].astype(float) for image in (enlarged, original))
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (image[top : top + 11, left : left + 11] for image in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variances = (weights * (a - mean_a) ** 2).sum() + (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            found.append(
                (2 * mean_a * mean_b + c1)
                * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))
            )
    assert ssim(enlarged, original, 2) == pytest.approx(np.mean(found), abs=1e-9)
