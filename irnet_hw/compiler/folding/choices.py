"""The legal choices of a kernel: its fold, its kind of memory, its kind of multiplier.

Each choice has its cycles per frame and its area. A choice that needs at least as much of every
resource as another one with the same lanes is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto

from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.compiler.graph import op
from irnet_hw.errors import UserError
from irnet_hw.kernels.resources import area

Attributes = Mapping[str, int | str]
#: An area as numbers, in the order of RESOURCES.
Size = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ports:
    """How a kernel's streams look to its neighbours.

    Attributes:
        lanes_in, lanes_out: of each stream.
        parallel: whether a beat of windows, in or out, has all taps.
    """

    lanes_in: tuple[int, ...]
    lanes_out: tuple[int, ...]
    parallel: bool


@dataclass(frozen=True, eq=False)
class Choice:
    """One way to build a kernel."""

    attributes: Attributes
    ports: Ports
    cycles: int


class Choices:
    """All choices of a kernel.

    Args:
        node: of the graph; it is not changed.
        part: the FPGA.
        pins: fixed attributes.
    """

    def __init__(self, node: NodeProto, part: str, pins: Attributes) -> None:
        kernel = op(node)
        self._values = kernel.values()
        self._kernel = type(kernel).from_values(node.name, self._values)
        self._part = part
        self._sizes: dict[Choice, Size] = {}
        self.all = [
            self._choice(attributes) for attributes in self._candidates(pins) if self._is_legal()
        ]

    def size(self, choice: Choice) -> Size:
        """Return the area of a choice."""
        if choice not in self._sizes:
            self._values.update(choice.attributes)
            found = area(self._kernel, self._part)
            self._sizes[choice] = np.array([found[key] for key in RESOURCES])
        return self._sizes[choice]

    def best(self, choices: Iterable[Choice]) -> list[Choice]:
        """Return the choices whose area no other choice with the same ports beats."""
        found: dict[Ports, list[Choice]] = {}
        for choice in choices:
            rivals = found.setdefault(choice.ports, [])
            size = self.size(choice)
            if not any(np.all(self.size(rival) <= size) for rival in rivals):
                rivals[:] = [rival for rival in rivals if np.any(self.size(rival) < size)]
                rivals.append(choice)
        return [choice for rivals in found.values() for choice in rivals]

    def _candidates(self, pins: Attributes) -> Iterator[dict[str, Any]]:
        """Yield the attributes of each choice, with the kernel set to them."""
        styles = self._kernel.styles()
        chosen = [dict(zip(styles, values, strict=True)) for values in product(*styles.values())]
        for fold, style in product(self._kernel.folds(), chosen):
            attributes: dict[str, Any] = {**fold, **style}
            if all(attributes[name] == value for name, value in pins.items()):
                self._values.update(attributes)
                yield attributes

    def _is_legal(self) -> bool:
        """Return whether the kernel accepts its style together with its fold."""
        try:
            self._kernel.check()
        except UserError:
            return False
        return True

    def _choice(self, attributes: dict[str, Any]) -> Choice:
        kernel = self._kernel
        ports = Ports(
            tuple(int(kernel.lanes_in(i)) for i in range(kernel.streams_in())),
            tuple(int(kernel.lanes_out(i)) for i in range(kernel.streams_out())),
            bool(attributes.get("parallel_window", 0)),
        )
        return Choice(attributes, ports, int(kernel.get_exp_cycles()))
