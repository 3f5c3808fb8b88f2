"""When beats move: building blocks of the kernels' timing models.

Times are cycles in ascending order, one per beat of a stream, over whole frames. A beat that
becomes available in a cycle may be taken in that cycle.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
#: When each input stream's beats are taken, and when each output stream's become available.
Moves = tuple[list[Times], list[Times]]
#: When a stream's reader takes its beats, given when they become available.
Reader = Callable[[Times], Times]


def always_ready(there: Times) -> Times:
    """Return when an always ready reader takes beats."""
    return there


def in_turn(times: Times) -> Times:
    """Return when beats move that may do so from given times on: one per cycle, in order."""
    return in_steps(times, np.arange(len(times)))


def in_steps(times: Times, steps: Times) -> Times:
    """Return when beats move, each at least the difference of their steps after the one before."""
    found: Times = np.maximum.accumulate(times - steps) + steps
    return found
