"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

#: A log gets a line at most every this many seconds, and fewer the longer the work takes: the
#: second is the least part of the time so far.
LOG_INTERVAL = 5.0
LOG_PART = 0.02


class Status:
    """What stands beside the bar; the loop sets ``text`` as it goes."""

    def __init__(self) -> None:
        self.text = ""


def track(
    items: Iterable[T], label: str, total: int, unit: str = "", status: Status | None = None
) -> Iterator[T]:
    """Yield ``items`` and show how far it is, at what rate, and how long it will take.

    Args:
        items: what to go through.
        label: what is being done, in the present participle ("training").
        total: how many items there are.
        unit: what an item is ("epochs"), for the rate.
        status: its text is shown beside the bar, and may change at every item.
    """
    status = status or Status()
    console = Console(file=sys.stderr)
    start = time.monotonic()

    def rate(done: int) -> str:
        return f"{done / max(time.monotonic() - start, 1e-9):.3g} {unit}/s".strip()

    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(label, total=total, rate="", status="")
            for done, item in enumerate(items, 1):
                yield item
                bar.update(task, completed=done, rate=rate(done), status=status.text)
        return
    shown = start
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if done == total or now - shown >= max(LOG_INTERVAL, LOG_PART * (now - start)):
            shown = now
            left = (now - start) / done * (total - done)
            line = f"{label}: {done}/{total}, {rate(done)}, {left:.0f} s left"
            print(f"{line}  {status.text}".rstrip(), file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print one line about what is being done, to the same place as the bars."""
    print(text, file=sys.stderr, flush=True)
