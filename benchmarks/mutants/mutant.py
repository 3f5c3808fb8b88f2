"""A mutant: a source file with one small change, and a stable key."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """Replacement text for ``text[start:end]`` of a source."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        file: path of the file in the tree.
        change: the change of its text.
        number: the number of the changed line, from 1.
        line: the changed source lines, with whitespace normalised.
        becomes: the lines after the change.
        key: a short key that is stable as long as the file's name and the line are.
    """

    file: Path
    change: Change
    number: int
    line: str
    becomes: str
    key: str


def apply(text: str, change: Change) -> str:
    """Return a source with a change applied."""
    return text[: change.start] + change.text + text[change.end :]


def mutants(sources: Iterable[tuple[Path, str, Iterable[Change]]]) -> Iterator[Mutant]:
    """Yield the mutants of files.

    Args:
        sources: paths in the tree, with the files' texts and their possible changes.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for file, text, changes in sources:
        for change in changes:
            start = text.rfind("\n", 0, change.start) + 1
            end = text.find("\n", change.end)
            end = len(text) if end < 0 else end
            line = " ".join(text[start:end].split())
            new = text[start : change.start] + change.text + text[change.end : end]
            becomes = " ".join(new.split())
            if line == becomes:
                continue
            content = (file.name, line, becomes)
            seen[content] += 1
            digest = hashlib.sha256(repr((*content, seen[content])).encode())
            number = text.count("\n", 0, change.start) + 1
            yield Mutant(file, change, number, line, becomes, digest.hexdigest()[:10])
