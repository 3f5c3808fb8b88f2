"""Writes folders of training runs in the form that training writes, without training."""

import csv

from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.table import table, write

METRICS = [
    *("epoch", "t", "k", "learning_rate", "loss", "train_accuracy", "test_accuracy"),
    *("weight_entropy", "flip_rate", "images_per_second"),
]
WEIGHTS = ["epoch", "layer", "weights", "entropy", "flipped"]
LAYERS = {"block1.conv": 9216, "block2.conv": 18432, "block3.conv": 36864}

#: The accuracy on the test images in the first epochs.
ACCURACIES = [0.5, 0.75, 0.625, 0.7, 0.6, 0.65]


def write_rows(path, columns, rows):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])


def write_run(folder, epochs=4, *assignments):
    """Write a run of digits-vgg with some of its 5 epochs done."""
    folder.mkdir(parents=True)
    recipe = load_recipe("digits-vgg", ["epochs=5", *assignments])
    (folder / "recipe.toml").write_text(write(table(recipe)))
    metrics, weights = [], []
    for epoch in range(1, epochs + 1):
        accuracy = ACCURACIES[epoch - 1]
        metrics.append(
            [
                epoch,
                0.1 * epoch,
                10 / epoch,
                0.1,
                2 / epoch,
                0.4,
                accuracy,
                0.99,
                0.01,
                1000 + epoch,
            ]
        )
        for layer, number in LAYERS.items():
            weights.append([epoch, layer, number, 0.999, 0.0 if epoch == 4 else 0.1 / epoch])
    write_rows(folder / "metrics.csv", METRICS, metrics)
    write_rows(folder / "weights.csv", WEIGHTS, weights)
    return folder
