"""Temporary files and folders that are cleaned up even after a process was killed.

A killed process can't clean up. So each temporary file or folder is locked while it is in use, and
the lock ends with the process; the next process that needs a temporary file removes those that are
not locked. This also runs on boards: Python 3.8 and the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from irnet_hw.errors import UserError

_SCRATCH = "irnet-hw-"
_RANDOM = re.compile(r"[0-9a-f]{16}")


@contextlib.contextmanager
def scratch(what: str) -> Iterator[Path]:
    """Yield a new folder for temporary files, in the system's folder for them (TMPDIR).

    Args:
        what: its purpose, in lower case letters, as a part of its name.

    Raises:
        UserError: no folder for temporary files can be used.
    """
    with contextlib.ExitStack() as stack:
        try:
            parent = Path(tempfile.gettempdir()).absolute()
            folder = stack.enter_context(temporary(parent, f"{_SCRATCH}{what}-", mode=0o700))
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise UserError(
                f"TMPDIR: can't make a temporary folder: {error.strerror or error}{where}; "
                "set TMPDIR to a folder that can be written"
            ) from error
        yield folder


@contextlib.contextmanager
def temporary(
    parent: Path, prefix: str, file: bool = False, mode: int | None = None
) -> Iterator[Path]:
    """Yield a new, empty folder or file; it is removed at the end, if it still exists.

    First, those with this prefix that killed processes left behind are removed.

    Args:
        parent: the folder to create it in.
        prefix: the start of its name; only irnet-hw creates such names.
        file: create a file instead of a folder.
        mode: its permissions; by default according to the umask.

    Raises:
        OSError: it can't be created.
    """
    clear(parent, prefix)
    while True:
        path = parent / f"{prefix}{secrets.token_hex(8)}"
        if file:
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
            os.close(os.open(path, flags, 0o666 if mode is None else mode))
        else:
            path.mkdir(0o777 if mode is None else mode)
        try:
            lock = _lock(path)
            break
        except (BlockingIOError, FileNotFoundError):
            continue  # another process took it for a leftover before it was locked
    try:
        yield path
    finally:
        _remove(path)
        if lock is not None:
            os.close(lock)


def clear(parent: Path, prefix: str) -> None:
    """Remove what :func:`temporary` made with this prefix in processes that have ended."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            ours = entry.name.startswith(prefix) and _RANDOM.fullmatch(entry.name[len(prefix) :])
            if not ours or entry.stat(follow_symlinks=False).st_uid != os.getuid():
                continue
            with contextlib.suppress(OSError):
                lock = _lock(Path(entry.path))
                # Without locks it is unknown whether it is in use.
                if lock is not None:
                    _remove(Path(entry.path))
                    os.close(lock)


def _lock(path: Path) -> int | None:
    """Lock a file or folder; return the descriptor to close, None if the system can't lock it.

    Raises:
        BlockingIOError: another process has locked it.
        FileNotFoundError: it is gone.
    """
    lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()
    except (BlockingIOError, FileNotFoundError):
        os.close(lock)
        raise
    except OSError:
        os.close(lock)
        return None
    return lock


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
