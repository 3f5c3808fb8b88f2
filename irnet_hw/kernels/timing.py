"""When beats move: what the kernels' models of their own timing are made of.

Times are cycles, rising, one for each beat of a stream over some whole frames. A beat that is
there in a cycle may be taken in it.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
#: When the beats of each input stream are taken, and when those of each output stream are there.
Moves = tuple[list[Times], list[Times]]
#: When a stream's reader takes its beats, given when they are there.
Reader = Callable[[Times], Times]


def always_ready(there: Times) -> Times:
    """Return when a reader takes beats that is always ready."""
    return there


def in_turn(times: Times) -> Times:
    """Return when each beat moves that may do so from its time on: one a cycle, in order."""
    return in_steps(times, np.arange(len(times)))


def in_steps(times: Times, steps: Times) -> Times:
    """Return when each beat moves, the steps' difference after the one before at the earliest."""
    found: Times = np.maximum.accumulate(times - steps) + steps
    return found
