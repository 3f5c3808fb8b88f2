"""Runs other programs, each in its own session, so that it can be killed with its children.

:func:`follow` runs one program as a step of a flow and yields what it prints; :func:`run` runs
several in parallel, one per core.
"""

import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from irnet_hw.errors import UserError
from irnet_hw.files import LOG_HEAD

#: How many lines of a failed step's log the error shows.
_SHOWN = 15
#: Seconds between checks for programs that have ended.
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Job:
    """A program to run.

    Attributes:
        command: its name and arguments.
        folder: the working directory.
        environment: all of it.
        log: the file for its standard output and error, in ``folder`` unless absolute.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: str = "output.log"

    def said(self) -> str:
        """Return what the program has printed."""
        return (self.folder / self.log).read_text(errors="replace")


def run(jobs: Sequence[Job]) -> Iterator[tuple[int, int]]:
    """Run programs, as many at a time as there are cores, starting them in order.

    Yields:
        the index and the exit status of each program that ends. Programs that still run when the
        iterator is closed, or when an exception passes through it, are killed.
    """
    waiting = list(enumerate(jobs))[::-1]
    running: dict[int, subprocess.Popen[bytes]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                index, job = waiting.pop()
                with (job.folder / job.log).open("wb") as log:
                    running[index] = _start(
                        job.command, job.folder, job.environment, log, subprocess.STDOUT
                    )
            ended = [index for index, program in running.items() if program.poll() is not None]
            for index in ended:
                yield index, running.pop(index).returncode
            if not ended:
                time.sleep(_LOOK_SECONDS)
    finally:
        for program in running.values():
            _end(program)


def run_one(job: Job) -> int:
    """Run a program to its end and return its exit status."""
    ((_, status),) = run([job])
    return status


def follow(
    command: Sequence[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> Iterator[str]:
    """Run a program to its end, and yield the lines that it prints as they come.

    If the iterator is closed early, or an exception passes through it, the program is killed.

    Args:
        command: its name and arguments.
        folder: the working directory.
        log: a file to which the command and what it prints are appended.
        environment: all of it; this process' own by default.
        output: file for standard output, for tools that write their result there instead of a
            log.

    Raises:
        UserError: the program failed.
    """
    last = deque[str](maxlen=_SHOWN)
    with log.open("a", encoding="utf-8", errors="replace") as kept:
        kept.write(("" if kept.tell() else LOG_HEAD) + f"$ {shlex.join(command)}\n")
        program, said = _start_piped(command, folder, environment, output)
        try:
            for raw in said:
                line = raw.decode("utf-8", errors="replace")
                kept.write(line)
                kept.flush()
                last.append(line)
                yield line.rstrip("\r\n")
            status = program.wait()
        finally:
            _end(program)
            said.close()
    if status != 0:
        name = Path(command[0]).name
        raise UserError(f"{name}: failed with exit status {status}, see {log}:\n{''.join(last)}")


def _start_piped(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None,
    output: Path | None,
) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a program, and return it with the pipe from which to read what it prints."""
    if output is None:
        program = _start(command, folder, environment, subprocess.PIPE, subprocess.STDOUT)
    else:
        with output.open("wb") as target:
            program = _start(command, folder, environment, target, subprocess.PIPE)
    said = program.stdout or program.stderr
    assert said is not None, "a program without a pipe"
    return program, said


def _start(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None,
    stdout: IO[bytes] | int,
    stderr: int,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C reaches this process only, which kills the program
    )


def _end(program: subprocess.Popen[bytes]) -> None:
    """Kill a program, if it still runs, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
