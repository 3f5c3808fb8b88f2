"""Ctrl-C and termination as requests, to be met when the work can be left."""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any


class Stop(contextlib.AbstractContextManager["Stop"]):
    """Turns the first SIGINT or SIGTERM into a request, to be met between two steps.

    Args:
        active: otherwise signals do what they did before.

    Attributes:
        asked: the signal that came, or None.
    """

    def __init__(self, active: bool) -> None:
        self.asked: int | None = None
        # Python handles signals in the main thread alone.
        main = threading.current_thread() is threading.main_thread()
        self._signals = (signal.SIGINT, signal.SIGTERM) if active and main else ()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        for number in self._signals:
            # In a shell's background, or under nohup, what is ignored stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def end(self) -> None:
        """Do what the signal asked for."""
        if self.asked == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked:  # twice: at once
            self.end()
        self.asked = number
