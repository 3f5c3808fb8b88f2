"""The manifest as a board reads it, and what ties a bitstream to it.

The compiler writes manifests and checks them against their schema (irnet_hw/compiler/manifest.py);
what a board has to agree on with it, and what the driver trusts, is here: a board has no
jsonschema, and anybody can compute a manifest's own hash anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from irnet_hw import form
from irnet_hw.errors import UserError
from irnet_hw.form import COUNT, POSITIVE, SIZE, TEXT, Each, Kind
from irnet_hw.read import json_file, shown

FILE = "manifest.json"
FORMAT = 4

_HINT = "build it again"


def _matching(pattern: str, text: str) -> Kind:
    return Kind(lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)), text)


# Names go into scripts and paths, so that they are words.
_MODULE = _matching(r"[A-Za-z_]\w*", "a module's name")
_HASH = _matching("[0-9a-f]{64}", "64 hexadecimal digits")
_PORT = {"shape": [SIZE], "lanes": SIZE, "bits": SIZE, "tdata_bits": SIZE, "beats": SIZE}
#: With it every logit, an integer of at most 25 bits, is zero or a normal float32.
_SCALE = Kind(
    lambda value: POSITIVE.fits(value) and 2.0**-126 <= value <= 2.0**103,
    "a number from 2^-126 to 2^103",
)
#: What the driver and the flows use, and no more; the rest is the schema's.
_FORM = {
    "name": TEXT,
    "versions": Each(TEXT),
    "board": _matching(r"[A-Za-z0-9][\w.-]*", "a board's name"),
    "clock_mhz": Kind(
        lambda value: POSITIVE.fits(value) and 0.1 <= value <= 1000, "a number from 0.1 to 1000"
    ),
    "top": _MODULE,
    "sources": [_matching(r"rtl/[A-Za-z_]\w*\.sv", "a source, rtl/NAME.sv")],
    "data": [_matching(r"rtl/[A-Za-z_]\w*\.hex", "a hex file, rtl/NAME.hex")],
    "input": _PORT,
    "output": {**_PORT, "scale": _SCALE},
    "labels": [TEXT],
    "cycles_per_frame": SIZE,
    "latency_cycles": SIZE,
    "layers": [{"name": _MODULE, "area": {"LUT": COUNT}}],
    "shell": {
        "top": _MODULE,
        "sources": [_matching(r"shell/[A-Za-z_]\w*\.sv", "a source, shell/NAME.sv")],
        "version": SIZE,
        "address_bits": SIZE,
        "base_address": COUNT,
        "identity": _matching("[0-9a-f]{32}", "32 hexadecimal digits"),
    },
    "hashes": dict.fromkeys(("model", "dataflow", "sources", "shell", "manifest"), _HASH),
}
#: What the driver trusts: the identity is made of it, and a bitstream holds the identity.
_TRUSTED = ("board", "clock_mhz", "input", "output", "labels", "cycles_per_frame", "latency_cycles")
_TRUSTED_SHELL = ("top", "version", "address_bits", "base_address")
#: A frame of more bytes would be none.
_MOST = 2**30


def load(folder: Path) -> dict[str, Any]:
    """Read the manifest in a folder.

    Raises:
        UserError: it is missing, is no JSON, is of another format or form, or was changed.
    """
    content = read(folder)
    check_form(content, folder)
    verify(content, folder)
    return content


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest in a folder, which may have been changed.

    Raises:
        UserError: it is missing, is no JSON, or is of another format.
    """
    path = Path(folder) / FILE
    content = json_file(path, "must be in a folder made by irnet-hw build")
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: is of format {shown(str(found))}, must be of format {FORMAT}; build it again"
        )
    return dict(content)


def check_form(content: Mapping[str, Any], folder: Path) -> None:
    """Raise a UserError if a manifest lacks what the driver and the flows need, or it can't be."""
    form.check(content, _FORM, str(Path(folder) / FILE), _HINT)
    files = [*content["sources"], *content["data"], *content["shell"]["sources"]]
    names = [name.rpartition("/")[2] for name in files]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{Path(folder) / FILE}: {twice[0]} stands there twice; {_HINT}")


def check_frames(content: Mapping[str, Any], folder: Path) -> None:
    """Raise a UserError if what a manifest says about images and results does not fit together."""
    where = str(Path(folder) / FILE)
    for end in ("input", "output"):
        port, values = content[end], prod(content[end]["shape"])
        if values > _MOST or port["lanes"] * port["beats"] != values:
            raise UserError(
                f"{where}: {end}.shape = {port['shape']}, must be of lanes * beats = "
                f"{port['lanes'] * port['beats']} values, at most {_MOST}; {_HINT}"
            )
    if len(content["input"]["shape"]) != 3:
        raise UserError(
            f"{where}: input.shape = {content['input']['shape']}, must be height, width and "
            f"channels; {_HINT}"
        )
    labels, classes = len(content["labels"]), prod(content["output"]["shape"])
    if labels not in (0, classes):
        raise UserError(f"{where}: labels: {labels}, must be {classes} or none; {_HINT}")


def verify(content: Mapping[str, Any], folder: Path) -> None:
    """Raise a UserError if the content of a manifest is not as it was written."""
    if content.get("hashes", {}).get("manifest") != own_digest(content):
        raise UserError(f"{Path(folder) / FILE}: was changed since the build; build it again")


def own_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without that hash."""
    hashes = {key: value for key, value in content.get("hashes", {}).items() if key != "manifest"}
    text = json.dumps({**content, "hashes": hashes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(content: Mapping[str, Any]) -> str:
    """Return what the identity registers of an accelerator hold: 16 bytes, as hex.

    Args:
        content: the manifest, of which the hashes of the model, the sources and the shell count,
            and all that the driver trusts.
    """
    made_of = [
        [content["hashes"][key] for key in ("model", "sources", "shell")],
        [content[key] for key in _TRUSTED],
        [content["shell"][key] for key in _TRUSTED_SHELL],
    ]
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
