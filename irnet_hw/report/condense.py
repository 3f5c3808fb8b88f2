"""A condensed view of an accelerator: only its kernels, and repeated chains only once.

Plumbing (FIFOs, width converters, forks, register slices) only moves beats; each piece is counted
with a kernel that it feeds. A chain of kernels that repeats, such as the units of a residual
network, is kept once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Facts = Mapping[str, Any]


class Link(NamedTuple):
    """A stream from one kernel to another.

    Attributes:
        source: the index of the kernel or box that it comes from; None for the input images.
        stream: the stream as it arrives.
    """

    source: int | None
    stream: Facts


@dataclass(frozen=True)
class Kernel:
    """A layer that computes.

    Attributes:
        layer: the layer's facts.
        links: the incoming streams.
        before: the layers of plumbing that are counted with it.
    """

    layer: Facts
    links: list[Link]
    before: list[Facts]

    def holds(self, name: str) -> bool:
        """Return whether a layer is this kernel or is counted with it."""
        return name in (self.layer["name"], *(layer["name"] for layer in self.before))


@dataclass(frozen=True)
class Box:
    """A kernel, or the kernels at one position of a chain that repeats.

    Attributes:
        kernels: in order; a single one if nothing repeats.
        links: the incoming streams of the first one; sources are boxes.
    """

    kernels: list[Kernel]
    links: list[Link]


class Repeat(NamedTuple):
    """A chain of boxes that repeats: the boxes from ``first`` to before ``last``."""

    first: int
    last: int
    times: int


def kernels(facts: Facts) -> list[Kernel]:
    """Return the layers that compute, with the plumbing in front of each.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    layers, streams = facts["layers"], facts["streams"]
    places: dict[int, int] = {}
    free = {number for number, layer in enumerate(layers) if layer["plumbing"]}
    found: list[Kernel] = []
    for number, layer in enumerate(layers):
        if layer["plumbing"]:
            continue
        kernel = Kernel(layer, [], [])
        for i in layer["inputs"]:
            source, passed = _upstream(facts, i)
            kernel.links.append(Link(None if source is None else places[source], streams[i]))
            kernel.before.extend(layers[j] for j in reversed(passed) if j in free)
            free.difference_update(passed)
        places[number] = len(found)
        found.append(kernel)
    found[-1].before.extend(layers[j] for j in sorted(free))
    return found


def boxes(chain: Sequence[Kernel]) -> tuple[list[Box], list[Repeat]]:
    """Return the kernels in boxes, with repeated chains merged, and the repeats."""
    keys = [_key(place, kernel) for place, kernel in enumerate(chain)]
    found: list[Box] = []
    repeats: list[Repeat] = []
    place_of: list[int] = []
    while len(place_of) < len(chain):
        start, first = len(place_of), len(found)
        period, times = _period(keys[start:])
        if times > 1:
            repeats.append(Repeat(first, first + period, times))
        place_of += list(range(first, first + period)) * times
        for place in range(start, start + period):
            links = [
                Link(None if source is None else place_of[source], stream)
                for source, stream in chain[place].links
            ]
            found.append(Box([chain[place + i * period] for i in range(times)], links))
    return found, repeats


def beat(stream: Facts) -> str:
    """Return a description of a stream's beat."""
    lanes = f"{stream['lanes']} × " if stream["lanes"] > 1 else ""
    return f"{lanes}{stream['datatype']}, {stream['bits']} bit"


def kind_of(layer: Facts) -> str:
    """Return the best kind of area that is known for a layer: synth, else model."""
    return "synth" if "synth" in layer["area"] else "model"


def area(layers: Sequence[Facts], kind: str) -> dict[str, int]:
    """Return the sum of layers' areas of one kind."""
    return {
        name: sum(layer["area"][kind][name] for layer in layers)
        for name in (layers[0]["area"][kind] if layers else ())
    }


def _upstream(facts: Facts, stream: int) -> tuple[int | None, list[int]]:
    """Return the kernel that a stream comes from, and the layers on the way, going upstream."""
    passed: list[int] = []
    while True:
        source = facts["streams"][stream]["source"]
        if source is None or not facts["layers"][source]["plumbing"]:
            return source, passed
        passed.append(source)
        (stream,) = facts["layers"][source]["inputs"]


def _key(place: int, kernel: Kernel) -> tuple[Any, ...]:
    """Return a key that is equal for kernels that repeat."""
    layer = kernel.layer
    links = [
        (None if source is None else place - source, beat(stream))
        for source, stream in kernel.links
    ]
    return layer["op"], layer["text"], layer["fold"], layer["cycles"], links


def _period(keys: Sequence[object]) -> tuple[int, int]:
    """Return how many keys at the start repeat, and how often; choose what saves most."""
    best = 1, 1
    for period in range(1, len(keys) // 2 + 1):
        times = 1
        while keys[times * period : (times + 1) * period] == keys[:period]:
            times += 1
        if period * (times - 1) > best[0] * (best[1] - 1):
            best = period, times
    return best
