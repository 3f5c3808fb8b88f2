"""Whatever a file holds, it is read correctly or refused by name."""

import json
import os
import struct
import sys
import zipfile

import numpy as np
import pytest

from irnet_hw.errors import UserError
from irnet_hw.read import arrays, json_file, json_text, sha256, zip_file


def refusal(do, *arguments):
    with pytest.raises(UserError) as error:
        do(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        ("[" * 100_000, "nests more than 64 deep"),
        ("[" * 65 + "]" * 65, "nests more than 64 deep"),
        ("9" * 5000, "is not JSON: an integer of 5000 digits, must fit 64 bits"),
        ('{"a": {"b": -18446744073709551616}}', "a.b holds an integer that does not fit 64 bits"),
        ('{"a": NaN}', "is not JSON: NaN is not a JSON number"),
        ("-Infinity", "is not JSON: -Infinity is not a JSON number"),
        ('{"a": [1e999]}', "a holds inf, must be a finite number"),
        ('["\\ud800"]', "holds a string that is not Unicode, '\\ud800'"),
        ('{"\\udc00": 1}', "holds a string that is not Unicode, '\\udc00'"),
        ('{"a": "b\\u0000"}', "a holds a string with a NUL character, 'b\\x00'"),
        ('{"a": 1, "b": 2, "a": 3}', "is not JSON: the key a appears twice in one object"),
    ],
)
def test_json_that_is_refused(text, reason):
    found = refusal(json_text, text, "f.json", "build it again")
    assert found.startswith(f"f.json: {reason}")
    assert found.endswith("; build it again")


def test_json_that_is_read(tmp_path):
    content = {"a": [1, 2.5, None, True], "b": {"c": "\U0001f600 \u00e4"}, "n": 2**64 - 1}
    path = tmp_path / "f.json"
    for ascii_only in (True, False):
        text = json.dumps(content, ensure_ascii=ascii_only)
        for encoding in ("utf-8", "utf-8-sig"):
            path.write_bytes(text.encode(encoding))
            assert json_file(path) == content


def test_the_hash_of_a_file(tmp_path):
    path = tmp_path / "f.txt"
    path.write_bytes(b"abc")  # as in FIPS 180-2
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.unlink()
    assert refusal(sha256, path) == f"{path}: can't be read: No such file or directory"
    assert refusal(sha256, tmp_path) == f"{tmp_path}: can't be read: Is a directory"


def test_json_files_that_are_refused(tmp_path):
    path = tmp_path / "f.json"
    assert refusal(json_file, path) == f"{path}: can't be read: No such file or directory"
    assert refusal(json_file, tmp_path) == f"{tmp_path}: can't be read: Is a directory"
    path.write_bytes(b'"\xff"')
    assert refusal(json_file, path) == f"{path}: is not UTF-8 text, byte 1 is 0xff"
    path.touch()
    os.truncate(path, 2**27)
    assert refusal(json_file, path) == f"{path}: has more than 67,108,864 bytes"


def zipped(path, content=b"content", **changes):
    """Write a zip file with one file in it and a changed entry."""
    member = zipfile.ZipInfo("a")
    for key, value in changes.items():
        setattr(member, key, value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def directory(path, offset, form, value):
    """Change the first entry of a zip file's directory."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(content)


def open_zip(path):
    with zip_file(path, "take another") as archive:
        return {name: bytes(archive.read(name)) for name in archive.names}


def test_a_zip_file_is_read(tmp_path):
    path = zipped(tmp_path / "z.zip", bytes(100_000), compress_type=zipfile.ZIP_DEFLATED)
    assert open_zip(path) == {"a": bytes(100_000)}


@pytest.mark.parametrize("name", ["/etc/a", "../a", "a/../../b", "a\\b", "c:a", "a//b", ".", ""])
def test_a_zip_file_that_leads_elsewhere_is_refused(tmp_path, name):
    path = zipped(tmp_path / "z.zip", filename=name)
    assert refusal(open_zip, path) == (
        f"{path}: holds {name}, which is not a path below a folder; take another"
    )


@pytest.mark.parametrize(
    ("offset", "form", "value", "reason"),
    [
        (8, "<H", 1, "a is encrypted, must not be"),
        (8, "<H", 0x40, "a has flags 0x40, which are unknown"),
        (10, "<H", 99, "a is compressed by method 99, must be stored or deflated"),
        (10, "<H", 14, "a is compressed by method 14, must be stored or deflated"),
        (24, "<I", 2**31, "is damaged, a claims 2,147,483,648 bytes and has at most 7"),
        (20, "<I", 2**31, "is damaged, its files are larger than it is"),
        (16, "<I", 1, "is damaged, a: Bad CRC-32 for file 'a'"),
        (42, "<I", 5, "is damaged, a: Bad magic number for file header"),
    ],
)
def test_a_damaged_directory_is_refused(tmp_path, offset, form, value, reason):
    path = zipped(tmp_path / "z.zip")
    directory(path, offset, form, value)
    assert refusal(open_zip, path) == f"{path}: {reason}; take another"


def test_a_zip_file_with_a_name_twice_is_refused(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    assert refusal(open_zip, path) == f"{path}: holds a twice; take another"


def test_a_zip_file_is_unpacked_within_bounds(tmp_path):
    path = zipped(tmp_path / "z.zip", bytes(1000), filename="b/a")
    with zip_file(path) as archive:
        archive.unpack(tmp_path / "out", most=1000)
        assert (tmp_path / "out" / "b" / "a").read_bytes() == bytes(1000)
        assert refusal(archive.unpack, tmp_path, 999) == (
            f"{path}: holds 1,000 bytes, must be at most 999"
        )


def test_a_file_below_a_file_is_refused(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a/b", "2")
    with zip_file(path) as archive:
        assert refusal(archive.unpack, tmp_path / "out", 10).startswith(
            f"{path}: a/b: can't be unpacked: "
        )


def read(path, name="images"):
    with arrays(path) as found:
        return found.read(name)


@pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4", "<f8", ">f2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_does(tmp_path, dtype, order, shape, save):
    count = int(np.prod(shape))
    array = np.asarray(np.arange(count).reshape(shape).astype(dtype), order=order)
    path = tmp_path / "a"
    with path.open("wb") as file:
        save(file, **{"arr" if save is np.save else "images": array})
    found = read(path)
    np.testing.assert_array_equal(found, array, strict=False)
    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("=")


def npy(header, data=b"", version=1):
    text = header if isinstance(header, bytes) else repr(header).encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


def head(**changes):
    return {"descr": "|u1", "fortran_order": False, "shape": (2,), **changes}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"raw bytes", "is not an array in NumPy's format"),
        (b"\x93NUMPY\x01", "is not an array in NumPy's format"),
        (b"\x93NUMPY\x01\x00\x05", "has a header that is truncated or too long"),
        (npy(head(), b"12")[:30], "has a header that is truncated or too long"),
        (npy(b"(" * 5000), "has a header that can't be read"),
        (npy(b"[]"), "has a header without dtype, order and shape"),
        (npy(head(descr="|O")), "has dtype |O, must be numeric"),
        (npy(head(descr="<U4")), "has dtype <U4, must be numeric"),
        (npy(head(descr="<c8")), "has dtype <c8, must be numeric"),
        (npy(head(descr=[("a", "u1")])), "has dtype [('a', 'u1')], must be numeric"),
        (npy(head(shape=(-2,))), "has shape (-2,), which is not a valid shape"),
        (npy(head(shape=(1,) * 33)), f"has shape {(1,) * 33}, which is not a valid shape"),
        (npy(head(shape=(True,))), "has shape (True,), which is not a valid shape"),
        (npy(head(shape=(2**40,)), b"12"), "is uint8 of shape [1099511627776], which takes"),
        (npy(head(), b"123"), "is uint8 of shape [2], which takes 67 bytes, and has 68"),
        (npy(head(), b"1"), "is uint8 of shape [2], which takes 67 bytes, and has 66"),
    ],
)
def test_arrays_that_are_refused(tmp_path, content, reason):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content)
    assert refusal(read, path).startswith(f"{path}: is damaged, images {reason}")
    if content.startswith(b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        assert refusal(read, path).startswith(f"{path}: is damaged, images {reason}")


def test_another_array_may_be_anything(tmp_path):
    """Arrays that nobody asks for may have an unreadable dtype."""
    path = tmp_path / "a.npz"
    np.savez(path, images=np.arange(3), names=np.array(["a"]), extra=np.array([{}], dtype=object))
    assert read(path).tolist() == [0, 1, 2]
    assert refusal(read, path, "none") == (
        f'{path}: holds extra, images, names; an array "none" is needed'
    )


def test_two_arrays_of_a_name_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy(head(), b"12"))
        archive.writestr("images", npy(head(), b"34"))
    assert refusal(read, path) == f"{path}: is damaged, holds images twice"


def test_a_pipe_is_refused():
    """For example `--images <(...)` in a shell."""
    end, other = os.pipe()
    os.close(other)
    try:
        path = f"/proc/self/fd/{end}"
        assert refusal(read, path) == f"{path}: is a pipe, socket or device, must be a file"
    finally:
        os.close(end)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/zero")
def test_an_endless_file_is_refused():
    assert refusal(json_file, "/dev/zero") == (
        "/dev/zero: is a pipe, socket or device, must be a file"
    )
