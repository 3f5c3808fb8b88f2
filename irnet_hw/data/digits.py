"""Handwritten digits that come with scikit-learn: 1797 real scans of 8x8 pixels."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from irnet_hw.data.dataset import Dataset

#: A fifth of the images, stratified by digit; always the same ones.
HELD_OUT = 360
SPLIT_SEED = 0

#: White in the scans; the network's white is 255.
SCAN_MAX = 16


def digits() -> Dataset:
    """Return the test set of NIST's digits (UCI "Optical Recognition of Handwritten Digits").

    A fifth of them, 360 images, is held out, stratified by digit and the same in every run.
    """
    scans, labels = load_digits(return_X_y=True)
    images = np.round(scans * 255 / SCAN_MAX).astype(np.uint8).reshape(-1, 8, 8, 1)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images,
        labels.astype(np.int64),
        test_size=HELD_OUT,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    names = [str(digit) for digit in range(10)]
    return Dataset(train_images, train_labels, test_images, test_labels, names)
