"""Pickles as Python 2 wrote them for CIFAR: byte strings, and NumPy arrays by 3 constructors."""

import struct

import numpy as np


def dumps(value):
    """Pickle dictionaries, lists, bytes, integers and byte arrays with protocol 2."""
    return b"\x80\x02" + _code(value) + b"."


def _code(value):
    if isinstance(value, bytes):
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_code, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_code(part) for item in value.items() for part in item) + b"u"
    assert isinstance(value, np.ndarray)
    assert value.dtype == np.uint8
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R"
    kind = b"cnumpy\ndtype\nU\2u1K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    shape = b"(" + b"".join(map(_code, value.shape)) + b"t"
    return array + b"(K\1" + shape + kind + b"\x89" + _code(value.tobytes()) + b"tb"
