"""Progress of long-running work: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

#: Minimum interval between lines in a log, in seconds and as a share of the time elapsed: the
#: longer the work takes, the fewer lines per second.
LOG_INTERVAL = 5.0
LOG_PART = 0.02


class Status:
    """The text next to the progress bar; the loop updates ``text`` as it runs."""

    def __init__(self) -> None:
        self.text = ""


def track(
    items: Iterable[T], label: str, total: int, unit: str = "", status: Status | None = None
) -> Iterator[T]:
    """Yield ``items`` and show the progress, the rate and the remaining time.

    Args:
        items: the items to iterate over.
        label: what is being done, as a present participle ("training").
        total: number of items.
        unit: the unit of the items ("epochs"), for the rate.
        status: its text is shown next to the bar and may change with every item.
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


@contextmanager
def stages(label: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show the progress of another program through its stages.

    Args:
        label: what is being done.
        total: the number of stages.

    Yields:
        a function to call with the number of stages that are over, and what is done now. In a log,
        a new stage is always shown, and what happens within one at intervals.
    """
    console = Console(file=sys.stderr)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[status]}"),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(label, total=total, status="")
            yield lambda done, text: bar.update(task, completed=done, status=text, refresh=True)
            bar.update(task, completed=total, status="")
        return
    start = time.monotonic()
    shown, stage = start, -1

    def show(done: int, text: str) -> None:
        nonlocal shown, stage
        now = time.monotonic()
        if done != stage or now - shown >= max(LOG_INTERVAL, LOG_PART * (now - start)):
            shown, stage = now, done
            print(f"{label}: {text}, {now - start:.0f} s", file=sys.stderr, flush=True)

    yield show


def say(text: str) -> None:
    """Print one line about the current work to stderr, where the bars are shown."""
    print(text, file=sys.stderr, flush=True)
