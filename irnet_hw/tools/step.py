"""A tool as a step of a flow: what it says is kept, and it ends with us."""

import os
import shlex
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from irnet_hw.errors import UserError

#: Of the log of a step that failed so many lines are shown.
_SHOWN = 15


def follow(
    command: Sequence[str],
    folder: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> Iterator[str]:
    """Run a program to its end, and yield the lines that it prints as they come.

    If the iterator is closed before, or an exception passes through it, the program is ended with
    all that it started.

    Args:
        command: its name and arguments.
        folder: in which it runs.
        log: the command, and what it prints, are added to this file.
        environment: all of it; this process' own unless given.
        output: where its standard output goes, if it is not what it says but what it makes.

    Raises:
        UserError: it failed.
    """
    last = deque[str](maxlen=_SHOWN)
    with log.open("a", encoding="utf-8", errors="replace") as kept:
        kept.write(f"$ {shlex.join(command)}\n")
        program = _start(command, folder, environment, output)
        said = program.stdout or program.stderr
        assert said is not None
        try:
            for line in said:
                kept.write(line)
                kept.flush()
                last.append(line)
                yield line.rstrip("\n")
            status = program.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            said.close()
    if status != 0:
        name = Path(command[0]).name
        raise UserError(f"{name}: failed with exit status {status}, see {log}:\n{''.join(last)}")


def _start(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None,
    output: Path | None,
) -> subprocess.Popen[str]:
    target = None if output is None else output.open("wb")
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=target or subprocess.PIPE,
            stderr=subprocess.PIPE if target else subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches this process, which ends it
        )
    finally:
        if target is not None:
            target.close()
