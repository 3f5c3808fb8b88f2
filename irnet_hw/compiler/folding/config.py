"""Folding configuration in FINN's format: a JSON file with the attributes of nodes by name.

{"Defaults": {"ram_style": ["block", ["BinaryMVAU_rtl"]]}, "BinaryMVAU_rtl_0": {"PE": 4}} puts the
weights of all binary layers in block RAM and fixes PE of the first one. Names and ops are those of
the finished accelerator, as in its manifest; FINN's ApplyConfig reads the file as it is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.folding.choices import Attributes, Choices
from irnet_hw.compiler.folding.links import kernels
from irnet_hw.compiler.graph import FINN_DOMAIN, op
from irnet_hw.errors import UserError
from irnet_hw.kernels.base import STYLES
from irnet_hw.read import json_file

DEFAULTS = "Defaults"


def read(path: Path) -> dict[str, Any]:
    """Return the content of a file, for :func:`pins` once there is a graph.

    Raises:
        UserError: it can't be read or does not have this form.
    """
    content = json_file(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be an object of nodes' names and their attributes")
    for name, attributes in content.items():
        if not isinstance(attributes, dict):
            raise UserError(f"{path}: {name} = {attributes!r}, must be an object of attributes")
    for key, entry in content.get(DEFAULTS, {}).items():
        pairs = isinstance(entry, list) and len(entry) > 0 and len(entry) % 2 == 0
        if not pairs or not all(ops == "all" or isinstance(ops, list) for ops in entry[1::2]):
            raise UserError(
                f"{path}: {DEFAULTS}.{key} = {entry!r}, must be [value, [op, ...], ...] or "
                '[value, "all"]'
            )
    return content


def pins(
    path: Path, content: Mapping[str, Any], model: ModelWrapper, part: str
) -> dict[str, Attributes]:
    """Return the attributes that a file fixes, by node name.

    Args:
        path: the file, for the messages.
        content: of the file, from :func:`read`.
        model: the graph.
        part: the FPGA.

    Raises:
        UserError: a node does not exist, or does not have such a fold.
    """
    names = {node.name: node for node in kernels(model)}
    for name in content:
        if name != DEFAULTS and name not in names:
            raise UserError(f"{path}: {name} is unknown, must be one of {', '.join(names)}")
    _check_defaults(path, content.get(DEFAULTS, {}), model)
    found: dict[str, Attributes] = {}
    for name, node in names.items():
        pinned = {**_defaults(content.get(DEFAULTS, {}), node), **content.get(name, {})}
        if pinned:
            _check(path, name, pinned, Choices(node, part, {}))
            found[name] = pinned
    return found


def text(model: ModelWrapper) -> str:
    """Return the file's content for a folded graph, before it is specialised."""
    content: dict[str, Any] = {DEFAULTS: {}}
    for node in kernels(model):
        kernel = op(node)
        content[node.name] = {key: kernel.get_nodeattr(key) for key in keys(node)}
    return json.dumps(content, indent=1) + "\n"


def _check_defaults(path: Path, defaults: Mapping[str, Any], model: ModelWrapper) -> None:
    """Raise a UserError unless all defaults can be fixed."""
    known = dict.fromkeys((*(key for node in kernels(model) for key in keys(node)), *STYLES))
    for key in defaults:
        if key not in known:
            raise UserError(
                f"{path}: {DEFAULTS}: {key} can't be fixed, must be one of {', '.join(known)}"
            )


def _defaults(defaults: Mapping[str, Any], node: NodeProto) -> dict[str, Any]:
    """Return the attributes of a node that "Defaults" fixes."""
    found = {}
    for key in keys(node):
        entry = defaults.get(key, [])
        for value, ops in zip(entry[::2], entry[1::2], strict=True):
            if ops == "all" or _specialised(node) in ops:
                found[key] = value
    return found


def _check(path: Path, name: str, pinned: Mapping[str, Any], choices: Choices) -> None:
    """Raise a UserError unless a kernel has a choice with these attributes."""
    found = [choice.attributes for choice in choices.all]
    legal = {key: list(dict.fromkeys(each[key] for each in found)) for key in found[0]}
    for key, value in pinned.items():
        if key not in legal:
            known = ", ".join(legal) or "nothing, as it has no folds"
            raise UserError(f"{path}: {name}: {key} can't be fixed, must be one of {known}")
        if not any(type(value) is type(right) and value == right for right in legal[key]):
            shown = ", ".join(str(one) for one in legal[key])
            raise UserError(f"{path}: {name}: {key} = {value!r}, must be one of {shown}")
    if not any(pinned.items() <= each.items() for each in found):
        pairs = ", ".join(f"{key} = {value}" for key, value in pinned.items())
        raise UserError(f"{path}: {name}: {pairs} are legal separately, but not together")


def keys(node: NodeProto) -> list[str]:
    """Return the attributes of a kernel that a file can fix, in order."""
    kernel = op(node)
    return [*next(kernel.folds()), *kernel.styles()]


def _specialised(node: NodeProto) -> str:
    return str(node.op_type if node.domain != FINN_DOMAIN else f"{node.op_type}_rtl")
