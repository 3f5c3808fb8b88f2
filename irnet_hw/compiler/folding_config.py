"""Folds in FINN's form: a JSON file with a node's attributes under its name.

{"Defaults": {"ram_style": ["block", ["BinaryMVAU_rtl"]]}, "BinaryMVAU_rtl_0": {"PE": 4}} keeps
the weights of all binary layers in block RAM and fixes PE of the first one. Names and ops are
those of the finished accelerator, as in its manifest; FINN's ApplyConfig takes the file as it is.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.choices import STYLES, Attributes
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.streams import kernels
from irnet_hw.errors import UserError

FILE = "folding_config.json"
DEFAULTS = "Defaults"


def folding_names(model: ModelWrapper) -> dict[str, NodeProto]:
    """Return the kernels of a graph that is yet to be specialised by the names they will have."""
    counts: Counter[str] = Counter()
    found = {}
    for node in kernels(model):
        found[f"{_rtl(node)}_{counts[_rtl(node)]}"] = node
        counts[_rtl(node)] += 1
    return found


def read(path: Path, model: ModelWrapper) -> dict[str, Attributes]:
    """Return the attributes that a file fixes, for the nodes' names in an unspecialised graph.

    Raises:
        UserError: the file can't be read or is not of this form, there is no such node, or the
            node has no such fold.
    """
    content = _load(path)
    names = folding_names(model)
    for name in content:
        if name != DEFAULTS and name not in names:
            raise UserError(f"{path}: {name} is unknown, must be one of {', '.join(names)}")
    pins: dict[str, Attributes] = {}
    for name, node in names.items():
        pinned = {**_defaults(path, content, node), **content.get(name, {})}
        if pinned:
            _check(path, name, node, pinned)
            pins[node.name] = pinned
    return pins


def text(model: ModelWrapper) -> str:
    """Return the file's content for a folded graph that is yet to be specialised."""
    content: dict[str, Any] = {DEFAULTS: {}}
    for name, node in folding_names(model).items():
        kernel = op(node)
        content[name] = {key: kernel.get_nodeattr(key) for key in _legal(node)}
    return json.dumps(content, indent=1) + "\n"


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be an object of nodes' names and their attributes")
    for name, attributes in content.items():
        if not isinstance(attributes, dict):
            raise UserError(f"{path}: {name} = {attributes!r}, must be an object of attributes")
    return content


def _defaults(path: Path, content: Mapping[str, Any], node: NodeProto) -> dict[str, Any]:
    """Return what "Defaults" fixes of a node: those attributes that it has."""
    found = {}
    legal = _legal(node)
    for key, entry in content.get(DEFAULTS, {}).items():
        if not (isinstance(entry, list) and len(entry) % 2 == 0 and entry):
            raise UserError(
                f"{path}: {DEFAULTS}.{key} = {entry!r}, must be [value, [op, ...], ...] or "
                '[value, "all"]'
            )
        for value, ops in zip(entry[::2], entry[1::2], strict=True):
            if key in legal and (ops == "all" or _rtl(node) in ops):
                found[key] = value
    return found


def _check(path: Path, name: str, node: NodeProto, pinned: Mapping[str, Any]) -> None:
    """Raise a UserError unless the kernel has a fold with these attributes."""
    legal = _legal(node)
    for key, value in pinned.items():
        if key not in legal:
            known = ", ".join(legal) or "nothing, it has no folds"
            raise UserError(f"{path}: {name}: {key} can't be fixed, must be one of {known}")
        if value not in legal[key]:
            right = ", ".join(str(one) for one in legal[key])
            raise UserError(f"{path}: {name}: {key} = {value!r}, must be one of {right}")
    folds = {key: value for key, value in pinned.items() if key not in STYLES}
    if not any(folds.items() <= fold.items() for fold in op(node).folds()):
        pairs = ", ".join(f"{key} = {value}" for key, value in folds.items())
        raise UserError(f"{path}: {name}: {pairs} are legal one by one, but not together")


def _legal(node: NodeProto) -> dict[str, list[int | str]]:
    """Return the attributes of a kernel that can be fixed, and all their values."""
    kernel = op(node)
    found: dict[str, list[int | str]] = {}
    for fold in kernel.folds():
        for key, value in fold.items():
            values = found.setdefault(key, [])
            if value not in values:
                values.append(value)
    known = kernel.get_nodeattr_types()
    found.update({key: list(values) for key, values in STYLES.items() if key in known})
    return found


def _rtl(node: NodeProto) -> str:
    return f"{node.op_type}_rtl"
