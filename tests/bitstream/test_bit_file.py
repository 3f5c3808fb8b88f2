import struct

import pytest

from irnet_hw.bitstream.bit_file import read_bit, swapped
from irnet_hw.errors import UserError

WORDS = [0xFFFFFFFF, 0x000000BB, 0x11220044, 0xAA995566, 0x20000000, 0x30022001]


def field(key, text):
    return key + struct.pack(">H", len(text) + 1) + text + b"\0"


def bit_file(words=WORDS, part=b"7z020clg400"):
    """A .bit file in Vivado's form: four texts, then the words that UG470 documents."""
    head = struct.pack(">H", 9) + bytes.fromhex("0ff00ff00ff00ff000") + struct.pack(">H", 1)
    head += field(b"a", b"system_wrapper;UserID=0XFFFFFFFF;Version=2022.2")
    head += field(b"b", part) + field(b"c", b"2026/01/31") + field(b"d", b"12:00:00")
    data = struct.pack(f">{len(words)}I", *words)
    return head + b"e" + struct.pack(">I", len(data)) + data


def test_the_swapped_words_of_a_bit_file(tmp_path):
    path = tmp_path / "irnet.bit"
    path.write_bytes(bit_file())
    found = read_bit(path)
    assert found.part == "7z020clg400"
    assert found.data == struct.pack(">6I", *WORDS)
    assert swapped(found.data) == struct.pack("<6I", *WORDS)
    assert swapped(swapped(found.data)) == found.data


def test_each_byte_has_its_place():
    assert swapped(bytes(range(8))) == bytes([3, 2, 1, 0, 7, 6, 5, 4])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"no bitstream at all, but text",
        bit_file()[:-4],
        bit_file() + b"\0\0\0\0",
        bit_file()[:30],
        bit_file(words=[0xFFFFFFFF, 0x20000000]),
        bit_file().replace(b"c\x00\x0b2026", b"x\x00\x0b2026"),
        bit_file(part=b"7z020\xffclg400"),
    ],
)
def test_what_is_no_whole_bit_file_is_refused(tmp_path, content):
    path = tmp_path / "irnet.bit"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_bit(path)
    assert str(error.value) == f"{path}: is not a complete .bit file"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError) as error:
        read_bit(tmp_path / "irnet.bit")
    assert str(error.value) == f"{tmp_path / 'irnet.bit'}: can't be read: No such file or directory"
