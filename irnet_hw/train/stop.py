"""Turn Ctrl-C and SIGTERM into requests that are handled when the work can be interrupted."""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any


class Stop(contextlib.AbstractContextManager["Stop"]):
    """Turns the first SIGINT or SIGTERM into a request that is handled between two steps.

    Args:
        active: if false, signals keep their previous behaviour.

    Attributes:
        asked: the signal that arrived, or None.
    """

    def __init__(self, active: bool) -> None:
        self.asked: int | None = None
        # Python handles signals only in the main thread.
        main = threading.current_thread() is threading.main_thread()
        self._signals = (signal.SIGINT, signal.SIGTERM) if active and main else ()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        for number in self._signals:
            # Signals ignored in a shell's background or under nohup stay ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def end(self) -> None:
        """End the program as the signal requested."""
        if self.asked == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked:  # a second signal ends the program immediately
            self.end()
        self.asked = number
