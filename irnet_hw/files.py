"""Writes files completely or not at all, and never over files that irnet-hw did not write.

A station that writes files into a folder claims them first::

    with claimed(folder, {"report.html": is_page, "report.json": is_report}, force):
        ...
        with whole_file(folder / "report.html") as temporary:
            temporary.write_text(page)

From then on no other process can claim them, and existing files are known to be ours: for each
file, a function checks the content. A folder that is written as a whole is claimed by
:func:`whole_folder`. The locks are the system's, so they end with the process; what a killed
process leaves behind is cleaned up by the next one that writes there.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from irnet_hw import read
from irnet_hw.errors import UserError
from irnet_hw.scratch import temporary

#: Returns whether irnet-hw wrote a file.
Known = Callable[[Path], bool]
#: Returns which files in a folder a new folder replaces, as paths in it; raises a UserError if
#: irnet-hw did not write the folder. The new folder is None if it does not exist yet.
Replaced = Callable[[Path, Path | None], Collection[str]]

_SEAL = " Written by irnet-hw; SHA-256 of all above: "
#: The prefix of the names of our own temporary and lock files.
_HIDDEN = ".irnet-hw-"
#: The errors of a file system without locks.
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF}

#: The first line of every log that irnet-hw writes.
LOG_HEAD = "# Written by irnet-hw.\n"


@contextlib.contextmanager
def claimed(folder: Path, files: Mapping[str, Known], force: bool = False) -> Iterator[None]:
    """Lock the files in a folder that a station writes; create the folder if necessary.

    Args:
        folder: the files' folder.
        files: for each file name, the check that an existing file is ours.
        force: overwrite files even if they are not ours.

    Raises:
        UserError: another process has locked them, one is not ours, or the folder can't be written.
    """
    folder = Path(folder)
    first = folder / next(iter(files))
    with _made(folder, first), locked(folder / ",".join(sorted(files)), first):
        for name, known in files.items():
            require_ours(folder / name, known, force)
        yield


def require_ours(path: Path, known: Known, force: bool = False) -> None:
    """Refuse to overwrite a file that irnet-hw did not write.

    Args:
        path: the file, which need not exist.
        known: checks that it is ours.
        force: overwrite it even if it is not ours.

    Raises:
        UserError: it is not ours, or not a file.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder, must be a file")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is a device or a pipe, must be a file")
    # Nothing is lost with an empty file.
    if path.exists() and path.stat().st_size and not force and not known(path):
        raise UserError(
            f"{path}: was not written by irnet-hw, or was changed since; choose another place, or "
            "overwrite it with --force"
        )


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename it to ``path`` if the block succeeds.

    If the block fails or is interrupted, ``path`` is not changed. If it is a link, its target is
    replaced.

    Raises:
        UserError: the folder can't be written or is full.
    """
    path = Path(path)
    place = Path(os.path.realpath(path))
    with contextlib.ExitStack() as stack:
        stack.enter_context(_made(place.parent, path))
        with _writing(path):
            temp = stack.enter_context(temporary(place.parent, _hidden(place), file=True))
        with _writing(path, temp):
            yield temp
        with _writing(path):
            temp.replace(place)


@contextlib.contextmanager
def whole_folder(
    path: Path, replaced: Replaced | None = None, force: bool = False
) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``; move it to ``path`` if the block succeeds.

    If the block fails or is interrupted, ``path`` is not changed. Files that are not replaced stay
    in the folder.

    Args:
        path: the folder. If it is a link, its target is replaced.
        replaced: returns which existing files are ours and are replaced; none by default.
        force: write into a folder even if it is not ours, and overwrite files there.

    Raises:
        UserError: the parent folder can't be written or is full, ``path`` is a file or a folder
            that irnet-hw did not write, or another process is writing it.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: is a file, but must be a folder or not exist")
    replaced = replaced or (lambda *_: ())
    place = Path(os.path.realpath(path))
    aside = place.with_name(f"{_hidden(place)}old")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_made(place.parent, path))
        stack.enter_context(locked(place, path))
        with _writing(path):
            _recover(aside, place, replaced)
            _replaced(path, None, replaced, force)
            temp = stack.enter_context(temporary(place.parent, _hidden(place)))
        with _writing(path, temp):
            yield temp
        with _writing(path):
            goes = _replaced(path, temp, replaced, force)
            _require_no_conflict(temp, path, goes, force)
            _swap(temp, place, aside, goes)


@contextlib.contextmanager
def locked(path: Path, shown: Path, shared: bool = False) -> Iterator[None]:
    """Lock a path, of a file or folder that need not exist, against other processes.

    Args:
        path: the path to lock.
        shown: the path for messages.
        shared: other processes may also lock it as shared; in a folder that can't be
            written, nothing is locked then.

    Raises:
        UserError: another process has locked it, or its folder can't be written.
    """
    file = path.with_name(f"{_hidden(path)}lock")
    try:
        lock = _lock(file, shared)
    except BlockingIOError as error:
        raise UserError(
            f"{shown}: another irnet-hw process is working there; wait until it is done, or choose "
            "another place"
        ) from error
    except OSError as error:
        if not shared:
            raise _cant_write(shown, error) from error
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if others share it
                file.unlink()
            os.close(lock)


def in_use(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Keep a folder that :func:`whole_folder` wrote from being replaced while it is used.

    Raises:
        UserError: another process is replacing it.
    """
    return locked(Path(os.path.realpath(folder)), Path(folder), shared=True)


def holds_json(**values: Any) -> Known:
    """Return a check for JSON objects with these keys and values; ... allows any value."""

    def known(path: Path) -> bool:
        with contextlib.suppress(UserError):
            content = read.json_file(path)
            return isinstance(content, dict) and all(
                key in content and (value is ... or content[key] == value)
                for key, value in values.items()
            )
        return False

    return known


def holds_arrays(*names: str) -> Known:
    """Return a check for .npz files with at least these arrays."""

    def known(path: Path) -> bool:
        with contextlib.suppress(UserError), read.arrays(path) as found:
            return set(names) <= set(found.names)
        return False

    return known


def begins(text: str) -> Known:
    """Return a check for files that start with a text."""

    def known(path: Path) -> bool:
        with contextlib.suppress(UserError, OSError), read.opened(path) as file:
            return file.read(len(text.encode())) == text.encode()
        return False

    return known


def is_page(path: Path) -> bool:
    """Return whether a file is an HTML page from our templates."""
    with contextlib.suppress(UserError, OSError), read.opened(path) as file:
        return b'<meta name="generator" content="irnet-hw">' in file.read(500)
    return False


def sealed(text: str, comment: str) -> str:
    """Return a text with a last line by which :func:`is_sealed` detects changes.

    Args:
        text: complete lines.
        comment: what starts a comment in it.
    """
    return f"{text}{comment}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}\n"


def is_sealed(path: Path) -> bool:
    """Return whether a file is as :func:`sealed` made it."""
    with contextlib.suppress(UserError):
        content, seal, digest = read.text_of(read.file_bytes(path), str(path)).rpartition(_SEAL)
        text = content[: content.rfind("\n") + 1]
        return bool(seal) and digest == f"{hashlib.sha256(text.encode()).hexdigest()}\n"
    return False


@contextlib.contextmanager
def _made(folder: Path, shown: Path) -> Iterator[None]:
    """Create a folder with its parents; at the end remove the new ones that are empty."""
    new = []
    try:
        while not os.path.lexists(folder):
            new.append(folder)
            folder = folder.parent
        with _writing(shown):
            for each in reversed(new):
                each.mkdir(exist_ok=True)
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        yield
    finally:
        for each in new:
            with contextlib.suppress(OSError):
                each.rmdir()


def _lock(file: Path, shared: bool) -> int:
    """Create a file and lock it; return the descriptor to close at the end.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: it can't be created.
    """
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            # Its previous owner may have removed the file before it was locked again.
            if os.path.samestat(os.fstat(lock), file.stat()):
                return lock
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return lock
            os.close(lock)
            raise
        os.close(lock)


def _recover(aside: Path, place: Path, replaced: Replaced) -> None:
    """Clean up after a process that was killed while it moved a folder into place."""
    if not aside.exists():
        return
    if not place.exists():
        aside.rename(place)
        return
    try:
        ours = replaced(aside, place)
    except UserError:  # it was overwritten by force
        ours = ()
    _carry(aside, place, ours)


def _replaced(path: Path, new: Path | None, replaced: Replaced, force: bool) -> Collection[str]:
    """Return which files at ``path`` are ours and replaced."""
    if not path.is_dir() or not any(path.iterdir()):
        return ()
    try:
        return replaced(path, new)
    except UserError:
        if force:
            return ()
        raise


def _require_no_conflict(new: Path, path: Path, replaced: Collection[str], force: bool) -> None:
    """Refuse to overwrite files at ``path`` that are not replaced."""
    for name, is_folder in _entries(new):
        there = path / name
        if os.path.lexists(there) and is_folder != there.is_dir():
            kind = ("folder", "file") if is_folder else ("file", "folder")
            raise UserError(f"{there}: is a {kind[1]}, must be a {kind[0]}")
        if not is_folder and os.path.lexists(there) and name not in replaced and not force:
            raise UserError(
                f"{there}: was not written by irnet-hw, or was changed since; move it, or "
                "overwrite it with --force"
            )


def _swap(new: Path, place: Path, aside: Path, replaced: Collection[str]) -> None:
    """Move ``new`` to ``place``, keeping all that is not replaced; the old one is at ``aside``."""
    if place.exists():
        place.rename(aside)
        try:
            new.rename(place)
        except OSError:
            aside.rename(place)
            raise
        _carry(aside, place, replaced)
    else:
        new.rename(place)


def _carry(old: Path, place: Path, replaced: Collection[str]) -> None:
    """Move what is not replaced from ``old`` to ``place``, then remove ``old``."""
    for name, is_folder in list(_entries(old)):
        target = place / name
        if os.path.lexists(target) or name in replaced:
            continue
        if not is_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
            (old / name).rename(target)
        elif not any((old / name).iterdir()):
            target.mkdir(parents=True, exist_ok=True)
    # The rest can be deleted. In a temporary folder it is, even if this process is killed.
    with temporary(old.parent, _hidden(place)) as garbage:
        old.rename(garbage / "old")


def _entries(folder: Path, below: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the relative path of everything in a folder, and whether it is a folder."""
    for entry in sorted(os.scandir(folder / below), key=lambda entry: entry.name):
        is_folder = entry.is_dir(follow_symlinks=False)
        yield f"{below}{entry.name}", is_folder
        if is_folder:
            yield from _entries(folder, f"{below}{entry.name}/")


def _hidden(path: Path) -> str:
    """Return the prefix for our own files next to a path; it is short however long the name is."""
    return f"{_HIDDEN}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}-"


@contextlib.contextmanager
def _writing(shown: Path, below: Path | None = None) -> Iterator[None]:
    """Report the system's errors as ``shown`` that can't be written.

    Args:
        shown: the path for messages.
        below: if given, only errors about this path, or about paths in it, are reported so.
    """
    try:
        yield
    except OSError as error:
        if below is not None and error.filename is not None:
            path = Path(os.fsdecode(error.filename))
            if path != below and below not in path.parents:
                raise
        raise _cant_write(shown, error) from error


def _cant_write(path: Path, error: OSError) -> UserError:
    named = os.fsdecode(error.filename) if error.filename else ""
    # The names of our own temporary files mean nothing to the user.
    where = f" ({named})" if named and not Path(named).name.startswith(_HIDDEN) else ""
    return UserError(f"{path}: can't be written: {error.strerror or error}{where}")
