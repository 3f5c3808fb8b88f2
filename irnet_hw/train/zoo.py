"""The trained networks that come with the package, and a card for each.

A network is a packed checkpoint, NAME.pt, with its card, NAME.toml, in train/checkpoints. Commands
take it as ``zoo:NAME``.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.share import share
from irnet_hw.toml import toml_file
from irnet_hw.train import table

PREFIX = "zoo:"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a trained network is, where it comes from and how well it does.

    Attributes:
        title: the network, and the bits of its weights and activations.
        data: the data set.
        recipes: the recipes that it was trained with, each from the weights of the one before.
        epochs: of each of them.
        planned: how many there were to be. Fewer epochs end the network's name.
        seed: of the recipes.
        images: number of held-out images for the accuracies by PyTorch and QONNX.
        pytorch: accuracy after the last epoch, as a share.
        qonnx: that of the exported file.
        rtl_images: number of images that were simulated, the first of the held-out ones.
        rtl: accuracy of the RTL on them, as a share.
        trained_on: the images, and what was done to them.
        terms: of the images.
        note: what else a user should know.
    """

    title: str
    data: str
    recipes: list[str]
    epochs: list[int]
    planned: list[int]
    seed: int
    images: int
    pytorch: float
    qonnx: float
    rtl_images: int = 0
    rtl: float = 0.0
    trained_on: str
    terms: str
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether it was trained to the end."""
        return self.epochs == self.planned

    def trained(self) -> str:
        """Return the recipes with their epochs, in words."""
        steps = zip(self.recipes, self.epochs, self.planned, strict=True)
        return ", then ".join(f"{name} {done} of {planned}" for name, done, planned in steps)

    def text(self, name: str, size: int) -> str:
        """Return the card as Markdown.

        Args:
            name: the network's.
            size: of its file, in bytes.
        """
        accuracies = [
            f"PyTorch {self.pytorch:.2%} and QONNX {self.qonnx:.2%} of {self.images:,} images"
        ]
        if self.rtl_images:
            accuracies.append(f"RTL, simulated, {self.rtl:.2%} of {self.rtl_images:,}")
        lines = [
            f"{self.title}, {self.data}.{'' if self.complete else ' **Not trained to the end.**'}",
            "",
            f"- accuracy on held-out images, last epoch: {'; '.join(accuracies)}",
            f"- epochs: {self.trained()}; seed {self.seed}",
            f"- trained on: {self.trained_on}",
            f"- terms of the images: {self.terms}",
            *([f"- {self.note}"] if self.note else []),
            f"- file: {name}.pt, {size:,} bytes; the weights have the licence of irnet-hw",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Entry:
    """A network of the zoo.

    Attributes:
        name: its name.
        path: its packed checkpoint.
        card: its card.
    """

    name: str
    path: Path
    card: Card


def entries() -> list[Entry]:
    """Return all networks, by name.

    Raises:
        UserError: a card is damaged.
    """
    return [
        Entry(path.stem, path, table.build(Card, toml_file(card), str(card)))
        for path in sorted((share("train") / "checkpoints").glob("*.pt"))
        for card in [path.with_suffix(".toml")]
    ]


def named(argument: str | Path) -> Entry | None:
    """Return the network that a command's argument names, or None if it is a path.

    Raises:
        UserError: no network has that name.
    """
    text = str(argument)
    return find(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else None


def find(name: str) -> Entry:
    """Return a network by its name.

    Raises:
        UserError: no network has that name; the message names the nearest ones.
    """
    known = {entry.name: entry for entry in entries()}
    if name not in known:
        near = difflib.get_close_matches(name, known, cutoff=0.4) or sorted(known)
        raise UserError(
            f"{PREFIX}{name}: no such network; the nearest: {', '.join(near)} (irnet-hw zoo lists "
            "all)"
        )
    return known[name]
