"""Results appear whole or not at all: written under a temporary name, then renamed."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from irnet_hw.errors import UserError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    Whatever stood at ``path`` before stays untouched if the block fails or is interrupted.

    Raises:
        UserError: the folder can't be written or is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"{path}: can't be written: {error.strerror}") from error
    temporary = Path(name)
    temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _cant_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; put it in ``path``'s place if the block succeeds.

    Whatever stood at ``path`` before stays untouched if the block fails or is interrupted.

    Raises:
        UserError: the parent folder can't be written or is full, or ``path`` is a file.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: is a file, and a folder is to be written there")
    place = path.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise UserError(f"{path}: can't be written: {error.strerror}") from error
    old = temporary.with_name(temporary.name + ".old")
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        if place.exists():
            place.rename(old)
        temporary.rename(place)
    except OSError as error:
        raise _cant_write(path, error) from error
    finally:
        if old.exists() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(temporary, ignore_errors=True)


def _cant_write(path: Path, error: OSError) -> UserError:
    where = f" ({error.filename})" if error.filename else ""
    return UserError(f"{path}: can't be written: {error.strerror or error}{where}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
