"""The ops of this package, by name: a class registers itself, with FINN too."""

from typing import TypeVar

import finn.custom_op.fpgadataflow as generic
import finn.custom_op.fpgadataflow.hls as hls
import finn.custom_op.fpgadataflow.rtl as rtl

_Op = TypeVar("_Op", bound=type)

#: The generic ops by name, such as "BinaryMVAU".
OPS: dict[str, type] = {}


def register(op: _Op) -> _Op:
    """Register an op with FINN; a class decorator.

    The name determines the kind of class, as everywhere in FINN: ``Name`` is the generic op,
    ``Name_rtl`` its RTL backend and ``Name_hls`` its HLS backend.
    """
    _, _, backend = op.__name__.rpartition("_")
    domain = {"rtl": rtl, "hls": hls}.get(backend, generic)
    domain.register_custom_op(op)
    if domain is generic:
        OPS[op.__name__] = op
    return op
