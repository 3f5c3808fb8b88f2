"""Phrases that several kernels use to describe themselves."""

from collections.abc import Sequence


def times(sizes: Sequence[int]) -> str:
    """Return sizes in the usual notation: "3x3"."""
    return "x".join(str(size) for size in sizes)


def count(number: int, thing: str) -> str:
    """Return a number of things: "1 bit", "8 bits"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
