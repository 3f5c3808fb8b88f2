"""Folders of drawn images to learn enlarging from."""

import numpy as np
from PIL import Image


def write_image(path, height, width, mode="RGB", seed=0):
    """Write a smooth image in a mode, and return its pixels, uint8 [height, width, channels]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"RGB": 3, "RGBA": 4, "L": 1, "I;16": 1}[mode]
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, channels), np.uint8)
    layers = [
        np.asarray(Image.fromarray(noise[..., i]).resize((width, height), Image.Resampling.BICUBIC))
        for i in range(channels)
    ]
    pixels = np.stack(layers, 2)
    stored = pixels[..., 0] if channels == 1 else pixels
    if mode == "I;16":
        stored = stored.astype(np.uint16) << 8
    Image.fromarray(stored).save(path)
    return pixels


def write_pairs(folder):
    """Write images to train on and to test on: two of each, of different sizes."""
    write_image(folder / "train/a.png", 40, 61)
    write_image(folder / "train/b.bmp", 32, 32, seed=1)
    write_image(folder / "Set5/c.png", 33, 47, seed=2)
    write_image(folder / "test/d.png", 24, 24, seed=3)
