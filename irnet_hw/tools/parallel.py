"""Programs side by side, one on each core."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: An ended program is noticed within this many seconds.
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Job:
    """A program to run.

    Attributes:
        command: its name and arguments.
        folder: in which it runs.
        environment: all of it.
        log: where its standard output and error go, in ``folder`` unless absolute.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: str = "output.log"


def run(jobs: Sequence[Job]) -> Iterator[tuple[int, int]]:
    """Run programs, as many at a time as there are cores, beginning with the first.

    Yields:
        for each one that ends its index and its exit status. Programs that still run when the
        iterator is closed, or when an exception passes through it, are ended with all that they
        started.
    """
    waiting = list(enumerate(jobs))[::-1]
    running: dict[int, subprocess.Popen[bytes]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                index, job = waiting.pop()
                running[index] = _start(job)
            ended = [index for index, program in running.items() if program.poll() is not None]
            for index in ended:
                yield index, running.pop(index).returncode
            if not ended:
                time.sleep(_LOOK_SECONDS)
    finally:
        for program in running.values():
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def _start(job: Job) -> subprocess.Popen[bytes]:
    with (job.folder / job.log).open("wb") as log:
        return subprocess.Popen(
            job.command,
            cwd=job.folder,
            env=dict(job.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process, which ends them
        )
