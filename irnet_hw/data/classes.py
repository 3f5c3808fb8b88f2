"""Compare a dataset's classes with those a network was trained on."""

from collections.abc import Sequence
from itertools import zip_longest


def difference(found: Sequence[str], wanted: Sequence[str], where: str, trained: str) -> str | None:
    """Return a message about the first difference between two lists of classes, or None.

    A network knows its classes only by number: with the same names in another order it would
    label every image wrongly.

    Args:
        found: the dataset's classes.
        wanted: the classes the network was trained on.
        where: the dataset's folder or name.
        trained: the network's file.

    Example:
        >>> difference(["cat", "dog"], ["dog", "cat"], "pets", "last.pt")
        "pets: class 0 is 'cat', but 'dog' in last.pt: the same classes in another order"
    """
    pairs = zip_longest(found, wanted)
    differing = next(((i, a, b) for i, (a, b) in enumerate(pairs) if a != b), None)
    if differing is None:
        return None
    number, here, there = differing
    reason = ""
    if sorted(found) == sorted(wanted):
        reason = ": the same classes in another order"
    elif len(found) != len(wanted):
        reason = f": {len(found)} classes, but {len(wanted)}"
    names = [f"{name!r}" if name is not None else "missing" for name in (here, there)]
    return f"{where}: class {number} is {names[0]}, but {names[1]} in {trained}{reason}"
