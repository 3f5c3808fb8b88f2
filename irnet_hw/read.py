"""Read JSON, zip files and NumPy arrays from untrusted sources.

Whatever a file holds, a reader either succeeds or raises a :class:`UserError` that names the file
and what is wrong with it. It never allocates memory just because a header claims a size. This
module also runs on boards: Python 3.8, the standard library and numpy.

JSON::

    content = json_file(path, "build it again")     # the hint ends every message
    content = json_text(text, f"{path}: metadata")  # for a text already in memory

gives plain values: numbers are finite and fit 64 bits, strings can be written as UTF-8 and
contain no NUL, and nesting is at most :data:`DEPTH` deep. :mod:`irnet_hw.form` checks the keys
and types, and :mod:`irnet_hw.toml` reads TOML.

Zip files::

    with zip_file(path, "must be a file made by irnet-hw package") as archive:
        archive.names                     # of its files, safe as paths below a folder
        archive.read("manifest.json")     # bytes, with the checksum verified
        archive.unpack(folder, most=2**30)

Arrays, from .npz or .npy::

    with arrays(path) as found:
        found.names
        header = found.header("images")   # dtype and shape, without reading the values
        images = found.read("images")
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from irnet_hw.errors import UserError

#: The largest file that is read as a whole, whatever it is.
MOST_BYTES = 2**31 - 1
#: Far more than any JSON or TOML file of this project.
JSON_BYTES = 2**26
DEPTH = 64
#: Integers in JSON and TOML must be smaller than this in magnitude.
INTEGERS = 2**64

_MEMBERS = 2**16
_NPY = b"\x93NUMPY"
_NPY_HEADER = 10000
#: Accepted flags of a zip member: compressor options, size after the data, UTF-8 name.
_FLAGS = 0x2 | 0x4 | 0x8 | 0x800
#: The largest compression ratio of deflate.
_DEFLATES = 1032
#: Everything that zipfile and zlib raise for damaged files.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError, KeyError, IndexError),
)


def shown(text: str) -> str:
    """Return a text from a file in a form fit for messages: one short line, printable only."""
    short = text if len(text) <= 200 else text[:200] + "..."
    return short if short.isprintable() else ascii(short)


@contextlib.contextmanager
def opened(path: Path, hint: str = "") -> Iterator[BinaryIO]:
    """Open a file to read its bytes. A pipe, which may block for ever, is refused.

    Args:
        path: path of the file.
        hint: what the user can do if it can't be read; it ends the message.

    Raises:
        UserError: the file is missing or can't be read, or is a folder, pipe, socket or device.
    """
    try:
        kind = Path(path).stat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise UserError(f"{path}: is a pipe, socket or device, must be a file{_and(hint)}")
        file = Path(path).open("rb")  # noqa: SIM115 (closed below, after the caller's block)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, hint) from error
    with file:
        yield file


def file_bytes(path: Path, most: int = MOST_BYTES, hint: str = "") -> bytes:
    """Return the content of a file.

    Args:
        path: path of the file.
        most: maximum size in bytes.
        hint: what the user can do if it can't be read; it ends the message.

    Raises:
        UserError: the file is missing, can't be read, is too large, or is a folder, pipe, socket
            or device.
    """
    with opened(path, hint) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise UserError(f"{path}: has more than {most:,} bytes{_and(hint)}")
        try:
            return file.read()
        except OSError as error:
            raise _unreadable(path, error, hint) from error


def sha256(path: Path, hint: str = "") -> str:
    """Return the SHA-256 of a file's content, in hexadecimal.

    Args:
        path: path of the file.
        hint: what the user can do if it can't be read; it ends the message.

    Raises:
        UserError: as from :func:`file_bytes`.
    """
    return hashlib.sha256(file_bytes(path, hint=hint)).hexdigest()


def text_of(content: bytes, where: str, hint: str = "") -> str:
    """Decode bytes as UTF-8, with or without a byte order mark.

    Raises:
        UserError: they are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where}: is not UTF-8 text, byte {error.start} is {content[error.start]:#04x}"
            + _and(hint)
        ) from error


def json_file(path: Path, hint: str = "") -> Any:
    """Return the content of a JSON file.

    Args:
        path: path of the file.
        hint: what the user can do if it can't be used; it ends every message.

    Raises:
        UserError: the file can't be read, or :func:`json_text` refuses its content.
    """
    content = file_bytes(path, JSON_BYTES, hint)
    return json_text(text_of(content, str(path), hint), str(path), hint)


def json_text(text: str, where: str, hint: str = "") -> Any:
    """Return the content of a JSON text.

    Args:
        text: the text, at most :data:`JSON_BYTES` characters.
        where: the file and optionally the place in it, for messages.
        hint: what the user can do if it can't be used; it ends every message.

    Raises:
        UserError: the text is not JSON, an object has a duplicate key, or :func:`check_values`
            refuses a value.
    """
    if len(text) > JSON_BYTES:
        raise UserError(f"{where}: has more than {JSON_BYTES:,} characters{_and(hint)}")
    try:
        content = json.loads(
            text, parse_int=_integer, parse_constant=_no_number, object_pairs_hook=_once
        )
    except RecursionError as error:
        raise UserError(f"{where}: nests more than {DEPTH} deep{_and(hint)}") from error
    except ValueError as error:
        raise UserError(f"{where}: is not JSON: {error}{_and(hint)}") from error
    check_values(content, where, hint)
    return content


def check_values(content: Any, where: str, hint: str = "") -> None:
    """Refuse values that later stations can't compute with, write or print.

    Args:
        content: the content of JSON, TOML or a checkpoint.
        where: the file, for messages.
        hint: what the user can do; it ends the message.

    Raises:
        UserError: a number is not finite or does not fit 64 bits, a string holds a lone surrogate
            or a NUL, a value has a type that JSON lacks, a key is not a string, or values nest
            more than :data:`DEPTH` deep or contain themselves.
    """
    left, seen = [(content, "", 0)], set()
    while left:
        value, place, depth = left.pop()
        wrong = _wrong_value(value)
        if isinstance(value, (dict, list)) and not wrong:
            if depth >= DEPTH:
                place, wrong = "", f"nests more than {DEPTH} deep"
            elif id(value) in seen:  # possible in a checkpoint
                wrong = "holds one list or table in two places"
            seen.add(id(value))
        if wrong:
            named = f"{shown(place[1:])} " if place else ""
            raise UserError(f"{where}: {named}{wrong}{_and(hint)}")
        if isinstance(value, dict):
            left += [(key, place, depth) for key in value]
            left += [(each, f"{place}.{key}", depth + 1) for key, each in value.items()]
        elif isinstance(value, list):
            left += [(each, place, depth + 1) for each in value]


def _wrong_value(value: Any) -> str:
    """Return why a value is refused, or ""; doesn't look at the items of lists and tables."""
    if isinstance(value, str):
        return _wrong_text(value)
    if isinstance(value, dict):
        return "" if all(isinstance(key, str) for key in value) else "has a key that isn't a string"
    if isinstance(value, float) and not math.isfinite(value):
        return f"holds {value}, must be a finite number"
    if isinstance(value, int) and abs(value) >= INTEGERS:
        return "holds an integer that does not fit 64 bits"
    if value is None or isinstance(value, (list, int, float)):
        return ""
    return f"holds a {type(value).__name__}, which is not a plain value"


def _wrong_text(text: str) -> str:
    if "\0" in text:
        return f"holds a string with a NUL character, {shown(text)}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"holds a string that is not Unicode, {shown(text)}"
    return ""


def _integer(digits: str) -> int:
    # Newer Pythons refuse thousands of digits, older ones take minutes for millions.
    if len(digits.lstrip("-")) > len(str(INTEGERS)):
        raise ValueError(f"an integer of {len(digits)} digits, must fit 64 bits")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {shown(twice)} appears twice in one object")
    return content


class Zip:
    """A zip file with a checked directory; from :func:`zip_file`.

    Attributes:
        names: names of the files in it. Each is unique and a relative path that stays below the
            folder it is unpacked in.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, size: int, hint: str) -> None:
        self._archive, self._path, self._hint = archive, path, hint
        # Not is_dir(), which fails for an empty name.
        files = [each for each in archive.infolist() if not each.filename.endswith("/")]
        self._members = {member.filename: member for member in files}
        self.names = list(self._members)
        self._check(size)

    def size(self, name: str) -> int:
        """Return a file's unpacked size in bytes."""
        return self._members[name].file_size

    def read(self, name: str) -> bytearray:
        """Return the content of a file in it.

        Raises:
            UserError: the file is missing or damaged, or doesn't fit in memory.
        """
        member = self._member(name)
        require_memory(member.file_size, self.where(name))
        content = bytearray(member.file_size)
        with self._reading(name), self._archive.open(member) as stream:
            view, done = memoryview(content), 0
            while count := stream.readinto(view[done : done + 2**20]):  # type: ignore[attr-defined]
                done += count
            # Reading the end verifies the checksum.
            if done < member.file_size or stream.read(1):
                raise EOFError(f"has {done} bytes of {member.file_size}")
        return content

    def start(self, name: str, count: int) -> bytes:
        """Return up to ``count`` first bytes of a file in it, without verifying the checksum."""
        with self._reading(name), self._archive.open(self._member(name)) as stream:
            return stream.read(count)

    def check_sums(self) -> None:
        """Verify the checksums of all files in it.

        Raises:
            UserError: a file in it is damaged.
        """
        for name in self.names:
            with self._reading(name), self._archive.open(self._member(name)) as stream:
                while stream.read(2**20):
                    pass

    def unpack(self, folder: Path, most: int) -> None:
        """Write its files into a folder.

        Args:
            folder: an empty folder.
            most: maximum total size of the files in bytes.

        Raises:
            UserError: the zip file is damaged or too large, or the folder can't be written.
        """
        total = sum(member.file_size for member in self._members.values())
        if total > most:
            raise UserError(
                f"{self._path}: holds {total:,} bytes, must be at most {most:,}{_and(self._hint)}"
            )
        for name in self.names:
            content = self.read(name)
            target = Path(folder) / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            except OSError as error:
                raise UserError(
                    f"{self.where(name)}: can't be unpacked: {error.strerror}{_and(self._hint)}"
                ) from error

    def where(self, name: str) -> str:
        """Return what messages call a file in it."""
        return f"{self._path}: {shown(name)}"

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise UserError(f"{self._path}: has no {shown(name)} in it{_and(self._hint)}")
        return self._members[name]

    def _check(self, size: int) -> None:
        """Refuse members that can't be read, and names that can't be unpacked."""
        members = self._archive.infolist()
        names: set[str] = set()
        if len(members) > _MEMBERS:
            raise self._refused(f"has {len(members)} files, must be at most {_MEMBERS}")
        if sum(member.compress_size for member in members) > size:
            raise self._refused("is damaged, its files are larger than it is")
        for member in members:
            name, inside = member.filename, shown(member.filename)
            parts = name.rstrip("/").split("/")
            if not name or "\\" in name or ":" in name or {"", ".", ".."} & set(parts):
                raise self._refused(f"holds {inside}, which is not a path below a folder")
            if wrong := _wrong_text(name):
                raise self._refused(wrong)
            if name in names:
                raise self._refused(f"holds {inside} twice")
            names.add(name)
            if member.flag_bits & 0x1:
                raise self._refused(f"{inside} is encrypted, must not be")
            if member.flag_bits & ~_FLAGS:
                raise self._refused(f"{inside} has flags {member.flag_bits:#x}, which are unknown")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._refused(
                    f"{inside} is compressed by method {member.compress_type}, must be stored or "
                    "deflated"
                )
            holds = member.compress_size
            if member.compress_type == zipfile.ZIP_DEFLATED:
                holds *= _DEFLATES
            if member.file_size > holds:
                raise self._refused(
                    f"is damaged, {inside} claims {member.file_size:,} bytes and has at most "
                    f"{holds:,}"
                )

    def _refused(self, reason: str) -> UserError:
        return UserError(f"{self._path}: {reason}{_and(self._hint)}")

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGES as error:
            raise self._refused(f"is damaged, {shown(name)}: {shown(str(error))}") from error
        except OSError as error:
            raise _unreadable(self._path, error, self._hint) from error


@contextlib.contextmanager
def zip_file(path: Path, hint: str = "") -> Iterator[Zip]:
    """Open a zip file.

    Args:
        path: path of the file.
        hint: what it must be or what the user can do; it ends every message.

    Raises:
        UserError: the file can't be read, is not a zip file or is damaged; or a file in it is
            encrypted, is compressed other than by deflate, has the name of another one, or has a
            name that leads out of a folder.
    """
    with opened(path, hint) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGES as error:
            raise UserError(
                f"{path}: is not a zip file, or it is damaged ({shown(str(error))}){_and(hint)}"
            ) from error
        with archive:
            yield Zip(archive, path, os.fstat(file.fileno()).st_size, hint)


class Header(NamedTuple):
    """The header of an array.

    Attributes:
        dtype: dtype of the values, numbers or booleans.
        shape: shape of the array.
        fortran: whether the first axis varies fastest in the file.
        start: offset of the values in the file.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    def __str__(self) -> str:
        return f"{self.dtype} of shape {list(self.shape)}"


class Arrays:
    """The arrays of a file; from :func:`arrays`.

    Attributes:
        names: names of the arrays; the one in a .npy file is called "images".
    """

    def __init__(self, path: Path, source: Zip | BinaryIO, hint: str) -> None:
        self._path, self._source, self._hint = path, source, hint
        self.names = ["images"]
        if isinstance(source, Zip):
            self.names = [_without_npy(name) for name in source.names]
            twice = {name for name in self.names if self.names.count(name) > 1}
            if twice:
                raise self._damaged(f"holds {shown(min(twice))} twice")

    def header(self, name: str) -> Header:
        """Return an array's header without reading its values.

        Raises:
            UserError: there is no such array, it is not an array of numbers, or its header
                doesn't match its size.
        """
        if name not in self.names:
            names = ", ".join(shown(each) for each in sorted(self.names)) or "nothing"
            raise UserError(
                f'{self._path}: holds {names}; an array "{name}" is needed{_and(self._hint)}'
            )
        start, size = self._start(name)
        try:
            header = _npy_header(start)
        except ValueError as error:
            raise self._damaged(f"{shown(name)} {error}") from error
        needed = header.start + math.prod(header.shape) * header.dtype.itemsize
        if needed != size:
            raise self._damaged(
                f"{shown(name)} is {header}, which takes {needed:,} bytes, and has {size:,}"
            )
        return header

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """Return an array in native byte order.

        Raises:
            UserError: as from :meth:`header`, or its values are damaged.
        """
        header = self.header(name)
        if isinstance(self._source, Zip):
            content = self._source.read(self._entry(name))
        else:
            self._source.seek(0)
            content = bytearray(self._source.read())
        values = np.frombuffer(content, header.dtype, offset=header.start)
        if header.fortran:
            values = values.reshape(header.shape[::-1]).transpose()
        else:
            values = values.reshape(header.shape)
        return values.astype(header.dtype.newbyteorder("="), copy=False)

    def _start(self, name: str) -> tuple[bytes, int]:
        """Return the first bytes of an array's file, and the file's size."""
        count = len(_NPY) + 6 + _NPY_HEADER
        if isinstance(self._source, Zip):
            entry = self._entry(name)
            return self._source.start(entry, count), self._source.size(entry)
        size = os.fstat(self._source.fileno()).st_size
        require_memory(size, str(self._path))
        self._source.seek(0)
        return self._source.read(count), size

    def _entry(self, name: str) -> str:
        assert isinstance(self._source, Zip)
        return next(entry for entry in self._source.names if _without_npy(entry) == name)

    def _damaged(self, reason: str) -> UserError:
        return UserError(f"{self._path}: is damaged, {reason}{_and(self._hint)}")


@contextlib.contextmanager
def arrays(path: Path, hint: str = "") -> Iterator[Arrays]:
    """Open a .npz or .npy file.

    Args:
        path: path of the file.
        hint: what the user can do if it can't be used; it ends every message.

    Raises:
        UserError: the file can't be read, or is neither.
    """
    with opened(path, hint) as file:
        start = file.read(len(_NPY))
        if start == _NPY:
            yield Arrays(path, file, hint)
            return
    if start[:2] != b"PK":
        raise UserError(f"{path}: is not a .npz or .npy file, or it is damaged{_and(hint)}")
    with zip_file(path, hint) as archive:
        yield Arrays(path, archive, hint)


def require_memory(size: int, where: str) -> None:
    """Raise a UserError if ``size`` bytes exceed the machine's memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise UserError(f"{where}: has {size:,} bytes, and this machine's memory {memory:,}")


def _npy_header(start: bytes) -> Header:
    """Parse the header of a .npy file from the file's first bytes.

    Raises:
        ValueError: it is not a valid header, or not that of an array of numbers.
    """
    version = start[len(_NPY) : len(_NPY) + 2]
    form = {b"\x01\x00": "<H", b"\x02\x00": "<I", b"\x03\x00": "<I"}.get(version)
    if not start.startswith(_NPY) or form is None:
        raise ValueError("is not an array in NumPy's format")
    first = len(_NPY) + 2 + struct.calcsize(form)
    lengths = start[len(_NPY) + 2 : first]
    length = struct.unpack(form, lengths)[0] if len(lengths) == struct.calcsize(form) else 0
    text = start[first : first + length]
    if not 0 < length <= _NPY_HEADER or len(text) < length:
        raise ValueError("has a header that is truncated or too long")
    try:
        content = ast.literal_eval(text.decode("utf-8" if version[0] == 3 else "latin-1"))
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("has a header that can't be read") from error
    if not isinstance(content, dict) or set(content) != {"descr", "fortran_order", "shape"}:
        raise ValueError("has a header without dtype, order and shape")
    kind, fortran, shape = content["descr"], content["fortran_order"], content["shape"]
    if not isinstance(kind, str) or not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248])", kind):
        raise ValueError(f"has dtype {shown(str(kind))}, must be numeric")
    if (
        not isinstance(fortran, bool)
        or not isinstance(shape, tuple)
        or len(shape) > 32
        or not all(type(size) is int and 0 <= size < 2**63 for size in shape)
    ):
        raise ValueError(f"has shape {shown(str(shape))}, which is not a valid shape")
    return Header(np.dtype(kind), shape, fortran, first + length)


def _without_npy(name: str) -> str:
    return name[: -len(".npy")] if name.endswith(".npy") else name


def _unreadable(path: Path, error: Exception, hint: str) -> UserError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return UserError(f"{path}: can't be read: {reason}{_and(hint)}")


def _and(hint: str) -> str:
    return f"; {hint}" if hint else ""
