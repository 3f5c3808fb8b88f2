"""Any module of Brevitas layers as a QONNX graph, with nodes named after the modules."""

import contextlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from brevitas.export.manager import _restore_act_caching_mode
from brevitas.proxy.quant_proxy import QuantProxyFromInjector
from brevitas.quant_tensor import QuantTensor
from onnx import ModelProto, NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.infer_shapes import InferShapes
from torch import Tensor, nn

from irnet_hw import onnx_file
from irnet_hw.errors import UserError
from irnet_hw.export.file import INPUT, OPSET, OUTPUT
from irnet_hw.quant.handlers import QONNXManager, export_qonnx

#: What Brevitas' layers are made of, which no user knows by name.
_INNER = re.compile(r"(\.|^)(act_quant|export_handler|activation_impl)(?=\.|$)")


@dataclass(frozen=True)
class Quantizer:
    """A quantizer of activations: a call of a module, and the file's node.

    Attributes:
        module: path of the proxy in the traced module.
        call: which of the proxy's calls it is, from 0.
        before: the tensor that it reads.
        after: the tensor that it makes, of the layer's name.
        layer: the layer's name and type, for messages.
    """

    layer: str
    module: str
    call: int
    before: str
    after: str


@dataclass(frozen=True)
class Traced:
    """A module's graph.

    Attributes:
        model: for one image.
        quantizers: of what depends on the image, in execution order.
        paths: of the module that each node belongs to, by the node's name.
    """

    model: ModelWrapper
    quantizers: list[Quantizer]
    paths: dict[str, str]


class Values(nn.Module):
    """A network whose output is a plain tensor.

    Args:
        network: any module.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()  # Brevitas puts it back into the mode it was in

    def forward(self, x: Tensor) -> Any:
        """Return the network's output."""
        return plain(self.network(x))


def plain(y: Any) -> Any:
    """Return the values of a QuantTensor; anything else as it is."""
    return y.value if isinstance(y, QuantTensor) else y


def trace(network: nn.Module, x: Tensor) -> Traced:
    """Export a network by Brevitas, and name nodes and tensors after its modules.

    Args:
        network: in eval mode.
        x: an input, [1, ...].

    Raises:
        UserError: it can't be exported; names the module.
    """
    try:
        proto = _exported(Values(network), x)
    except Exception as error:
        raise UserError(f"{_culprit(network, x)}: can't be exported: {_reason(error)}") from error
    traced = _named(proto, network)
    # What was a Pad's widths comes as ten nodes that compute them.
    model = traced.model.transform(InferShapes()).transform(FoldConstants())
    onnx_file.check(model.model)
    return replace(traced, model=model)


def _exported(wrapper: Values, x: Tensor) -> ModelProto:
    # Handlers of a former export hold what the weights were then.
    for proxy in wrapper.modules():
        if isinstance(proxy, QuantProxyFromInjector):
            proxy.export_handler = None
    try:
        # Of the two exporters, this one names nodes after modules.
        with _silent():
            return export_qonnx(
                wrapper,
                args=x,
                dynamo=False,
                opset_version=OPSET,
                keep_initializers_as_inputs=False,
            )
    except Exception:  # Brevitas leaves modules then as it needs them
        wrapper.apply(_restore_act_caching_mode)
        QONNXManager.set_export_mode(wrapper, enabled=False)
        raise


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Drop the pages of its own graph that PyTorch prints at an op that it can't export."""
    torch._C._jit_set_onnx_log_output_stream("stderr")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _reason(error: Exception) -> str:
    """Return the first line of what a library says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _culprit(network: nn.Module, x: Tensor) -> str:
    """Return the innermost module that can't be exported by itself."""
    inputs: dict[str, Tensor] = {}
    handles = []
    for path, module in network.named_modules():
        if path and not _is_library(network, path):

            def record(_: nn.Module, args: Any, path: str = path) -> None:
                if len(args) == 1 and isinstance(plain(args[0]), Tensor):
                    inputs.setdefault(path, plain(args[0]))

            handles.append(module.register_forward_pre_hook(record))
    with torch.inference_mode():
        network(x)
    for handle in handles:
        handle.remove()
    for path in sorted(inputs, key=lambda path: -path.count(".")):
        module = network.get_submodule(path)
        try:
            _exported(Values(module), inputs[path].clone())
        except Exception:
            return described(network, path)
    return type(network).__name__


def _is_library(network: nn.Module, path: str) -> bool:
    """Return whether a module is part of a layer of PyTorch or Brevitas."""
    parents = [path.rpartition(".")[0]]
    while parents[-1]:
        parents.append(parents[-1].rpartition(".")[0])
    return any(
        type(network.get_submodule(parent)).__module__.startswith("brevitas.") for parent in parents
    )


def described(network: nn.Module, path: str) -> str:
    """Return a module's path and type for messages."""
    kind = type(network.get_submodule(path)).__name__
    return f"{path} ({kind})" if path else kind


def _named(proto: ModelProto, network: nn.Module) -> Traced:
    graph = proto.graph
    wrapper = Values(network)
    scopes = [_scope(node.name, wrapper) for node in graph.node]
    count = Counter(_INNER.sub("", path) for path, _ in scopes)
    taken = {INPUT, OUTPUT, "", *(value.name for value in graph.initializer)}
    renamed = {graph.input[0].name: INPUT}
    named: dict[str, str] = {}
    moving = {graph.input[0].name}
    calls: Counter[str] = Counter()
    made: dict[str, tuple[NodeProto, str]] = {}
    quantizers = []
    for node, (path, op) in zip(graph.node, scopes, strict=True):
        layer, scope = _INNER.sub("", path), node.name.rpartition("/")[0]
        name = layer if layer and count[layer] == 1 else f"{layer}.{op}".lstrip(".")
        quantizes = False
        if moving & set(node.input):
            moving.update(node.output)
            quantizes = node.op_type in onnx_file.QUANTIZERS
        if quantizes:
            name = layer  # its tensor is what the layer gives
        name = _free(name, taken)
        if quantizes:
            proxy = path.removesuffix("export_handler").rstrip(".")
            before = node.input[0]
            while made.get(before, (None, ""))[1] == scope:  # what the handler puts before the node
                before = made[before][0].input[0]
            owner, _, part = proxy.rpartition(".")
            kind = type(network.get_submodule(owner)).__name__
            shown = f"{layer} ({kind})" if part == "act_quant" else f"{layer}, of a {kind}"
            quantizers.append(Quantizer(shown, proxy, calls[proxy], before, node.output[0]))
            calls[proxy] += 1
        made[node.output[0]] = (node, scope)
        node.name = name
        named[name] = path
        for i, output in enumerate(node.output):
            if output:
                renamed[output] = name if i == 0 else _free(f"{name}_{i}", taken)
    renamed[graph.output[0].name] = OUTPUT
    quantizers = [
        replace(q, before=renamed.get(q.before, q.before), after=renamed[q.after])
        for q in quantizers
    ]
    _rename(proto, renamed)
    return Traced(ModelWrapper(proto), quantizers, named)


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def _scope(name: str, wrapper: Values) -> tuple[str, str]:
    """Return the module's path and the op of a node, by the exporter's name.

    The exporter writes "/network/blocks.0/blocks.0.1/q_1/act_quant_1/export_handler_1/Quant": each
    part is a module, after those of its parents that are not called themselves, or after the last
    that is; a number behind it counts its calls.
    """
    *parts, op = name.strip("/").split("/")
    module: nn.Module = wrapper
    path: list[str] = []
    for part in parts:
        again = re.sub(r"_\d+$", "", part)
        for child in (part, _within(part, path), again, _within(again, path)):
            if child and _has(module, child):
                module = module.get_submodule(child)
                path += child.split(".")
                break
        else:
            break
    return ".".join(path[1:]), op


def _within(part: str, path: list[str]) -> str:
    """Return what remains of a part that begins with the end of its parent's path."""
    for first in range(len(path)):
        start = ".".join(path[first:]) + "."
        if part.startswith(start):
            return part[len(start) :]
    return ""


def _has(module: nn.Module, child: str) -> bool:
    try:
        module.get_submodule(child)
    except AttributeError:
        return False
    return True


def _rename(proto: ModelProto, renamed: dict[str, str]) -> None:
    graph = proto.graph
    for info in (*graph.input, *graph.output, *graph.value_info):
        info.name = renamed.get(info.name, info.name)
    for node in graph.node:
        _rename_all(node, renamed)


def _rename_all(node: NodeProto, renamed: dict[str, str]) -> None:
    node.input[:] = [renamed.get(name, name) for name in node.input]
    node.output[:] = [renamed.get(name, name) for name in node.output]
