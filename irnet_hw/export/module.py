"""Exports any PyTorch module of Brevitas layers, without a recipe."""

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from qonnx.core.modelwrapper import ModelWrapper
from torch import Tensor, nn

from irnet_hw import __version__, spec
from irnet_hw.errors import UserError
from irnet_hw.export.file import OUTPUT, set_metadata, to_bytes
from irnet_hw.export.folder import GOLDEN_IMAGES, SUMMARY, known, npz, write
from irnet_hw.export.prove import Proof, prove
from irnet_hw.export.traced import Traced, described, plain, trace
from irnet_hw.files import claimed
from irnet_hw.progress import say
from irnet_hw.read import shown
from irnet_hw.runner import Runner

Images = npt.NDArray[np.uint8]

#: Layers of PyTorch with weights, for which Brevitas has one that quantizes them.
_FLOAT_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)

#: Ops that pass on values.
_PASSING = ("Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "MaxPool")
#: What to use in place of layers that can't be built.
_INSTEAD = {
    ("GELU", "SiLU", "Mish", "Hardswish"): "torch.nn.ReLU()",
    ("LayerNorm", "GroupNorm", "InstanceNorm2d"): "torch.nn.BatchNorm2d or BatchNorm1d",
}


@dataclass(frozen=True)
class ExportedModule:
    """The files that an export wrote.

    Attributes:
        model: the QONNX file.
        golden: the file with the tensors of its run on a few images.
        summary: the content of export.json.
    """

    model: Path
    golden: Path
    summary: dict[str, Any]


def export_module(
    module: nn.Module,
    images: Images,
    out: Path | str,
    input_scale: str | float | Fraction = 1,
    labels: Sequence[str] = (),
    name: str = "",
    force: bool = False,
) -> ExportedModule:
    """Write a module of Brevitas layers as QONNX, having proved on images that the file is it.

    The module is run in eval mode. These files are written:

    - ``model.onnx``, whose nodes and tensors are named after the module's layers;
    - ``golden.npz``: some of the images, and the file's tensors for them;
    - ``export.json``: what was compared.

    Args:
        module: a network with one input and one output, on the CPU.
        images: uint8 [N, height, width, channels] for a module that takes [N, channels, height,
            width]; [N, length, channels] for one that takes signals [N, channels, length]; or
            [N, length].
        out: the folder; or the QONNX file's path, if it ends with .onnx.
        input_scale: the module takes pixels times this: "1/255" if it was trained on images of
            torchvision's ToTensor; 1 if it takes pixels as they are.
        labels: names of the classes.
        name: of the network; by default the module's type.
        force: overwrite others' files of these names.

    Raises:
        UserError: the module can't be exported or built, or the file is not the module, or can't
            be written; names the layer and what would put it right. Nothing is written then.

    Example:
        >>> import tempfile
        >>> from brevitas import nn as qnn
        >>> from irnet_hw.quant import EDEActQuant, LibraWeightQuant
        >>> network = nn.Sequential(
        ...     qnn.QuantLinear(16, 32, bias=False, weight_bit_width=4), nn.BatchNorm1d(32),
        ...     qnn.QuantIdentity(act_quant=EDEActQuant),
        ...     qnn.QuantLinear(32, 10, bias=False, weight_quant=LibraWeightQuant),
        ... )
        >>> images = np.random.default_rng(0).integers(0, 256, (20, 16), dtype=np.uint8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = export_module(network, images, folder)
        >>> exported.summary["predictions_differ"]
        0
    """
    path = Path(out) if Path(out).suffix == ".onnx" else Path(out) / "model.onnx"
    scale = _scale(input_scale)
    _check_module(module)
    _check_images(images)
    with claimed(path.parent, known((path.name, "golden.npz")), force), _evaluated(module):
        return _export(module, images, path, scale, list(labels), name)


def _export(
    module: nn.Module, images: Images, path: Path, scale: Fraction, labels: list[str], name: str
) -> ExportedModule:
    x = _inputs(images, scale)
    y = _tried(module, images, x[:1])
    if labels and len(labels) != y[0].numel():
        raise UserError(f"labels: {len(labels)}, must be {y[0].numel()}, as many as outputs")
    traced = trace(module, torch.from_numpy(x[:1]))
    set_metadata(
        traced.model,
        {
            "name": name or type(module).__name__,
            **({"labels": labels} if labels else {}),
            "input_scale": str(scale),
            "versions": _versions(),
        },
    )
    checked = _require_buildable(module, traced)
    proof = prove(module, traced, x)
    files = {
        path.name: to_bytes(traced.model),
        "golden.npz": npz(_golden(traced, images, x)),
    }
    summary = {
        "name": name or type(module).__name__,
        "sha256": {file: hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "images": len(images),
        "predictions_differ": _other_classes(proof.pytorch, proof.qonnx),
        "layers": [asdict(layer) for layer in proof.layers],
    }
    files[SUMMARY] = (json.dumps(summary, indent=2) + "\n").encode()
    write(path.parent, files)
    _conclude(path, proof, len(images))
    if checked:
        _conclude_build(path, traced.model, images, proof)
    return ExportedModule(path, path.with_name("golden.npz"), summary)


# ------------------------------------------------------------------ what is given


def _scale(given: str | float | Fraction) -> Fraction:
    try:
        found = Fraction(given)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise UserError(
            f"input_scale: {shown(str(given))}, must be a number or a fraction, such as '1/255'"
        ) from error
    if not 2**-64 <= found <= 2**64:
        raise UserError(f"input_scale: {given}, must be above 0, such as '1/255'")
    near = found.limit_denominator(2**16)
    # 1 / 255 in Python is not the fraction, but means it.
    return near if float(near) == float(found) else found


def _check_module(module: Any) -> None:
    if not isinstance(module, nn.Module):
        raise UserError(f"module: is of type {type(module).__name__}, must be a torch.nn.Module")
    for path, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.device.type != "cpu":
            raise UserError(f"{path}: is on {tensor.device}, must be on the CPU; call module.cpu()")
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise UserError(f"{path}: is {tensor.dtype}, must be float32; call module.float()")
    if module.training:
        return  # then it is put in eval mode as a whole
    for path, child in module.named_modules():
        if child.training:
            raise UserError(
                f"{described(module, path)}: is in train mode, while the module is in eval mode; "
                "call module.eval()"
            )


@contextmanager
def _evaluated(module: nn.Module) -> Iterator[None]:
    """Have a module in eval mode."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def _check_images(images: Any) -> None:
    if not isinstance(images, np.ndarray):
        raise UserError(
            f"images: are a {type(images).__name__}, must be a NumPy array, uint8 [N, height, "
            "width, channels]"
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"images: are {images.dtype}, must be uint8, pixels 0 to 255; what the module takes "
            "instead is said by input_scale, such as '1/255'"
        )
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise UserError(
            f"images: have shape {list(images.shape)}, must be [N, height, width, channels], "
            "[N, length, channels] or [N, length], at least one"
        )


def _inputs(images: Images, scale: Fraction) -> npt.NDArray[np.float32]:
    """Return what the module takes, computed as the build does."""
    x = np.ascontiguousarray(np.moveaxis(images, -1, 1), dtype=np.float32)
    if scale == 1:
        return x
    if scale.numerator == 1:
        return np.asarray(x / np.float32(scale.denominator))
    return np.asarray(x * np.float32(float(scale)))


def _tried(module: nn.Module, images: Images, x: npt.NDArray[np.float32]) -> Tensor:
    """Run a module on one image, twice.

    Raises:
        UserError: it can't be run, its output is not one tensor, or it is not a function of the
            image; names the layer.
    """
    y, first = _followed(module, images, x)
    if not isinstance(y, Tensor) or not y.dim():
        raise UserError(
            f"{type(module).__name__}: its output is of type {type(y).__name__}, must be one "
            "tensor; return the classes' values from forward"
        )
    if not torch.isfinite(y).all():
        raise UserError(f"{type(module).__name__}: its output is not finite")
    _, second = _followed(module, images, x)
    for (path, one), (_, other) in zip(first, second, strict=False):
        if isinstance(one, Tensor) and not torch.equal(one, other):
            raise UserError(
                f"{described(module, path)}: gives other values when the same image is run again; "
                "if that is F.dropout in its forward, pass training=self.training to it, or use "
                "nn.Dropout"
            )
    return y


def _followed(
    module: nn.Module, images: Images, x: npt.NDArray[np.float32]
) -> tuple[Any, list[tuple[str, Any]]]:
    """Run a module.

    Returns:
        its output, and the output of each module in it, in the order in which they end.

    Raises:
        UserError: it can't be run; names the layer.
    """
    active: list[str] = []
    found: list[tuple[str, Any]] = []
    handles = []

    def leave(_: nn.Module, __: Any, y: Any) -> None:
        found.append((active.pop(), plain(y)))

    for path, child in module.named_modules():

        def enter(*_: Any, path: str = path) -> None:
            active.append(path)

        handles.append(child.register_forward_pre_hook(enter))
        handles.append(child.register_forward_hook(leave))
    try:
        with torch.inference_mode():
            return plain(module(torch.from_numpy(x))), found
    except Exception as error:
        public = [path for path in active if _public(module, path)]
        hint = (
            "; of grey images, the channel must be an axis: images[..., np.newaxis]"
            if images.ndim == 3
            else ""
        )
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{described(module, public[-1])}: can't run on images of shape {list(images.shape)}, "
            f"which the module takes as {[len(images), *x.shape[1:]]}: {shown(reason)}{hint}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()


def _public(module: nn.Module, path: str) -> bool:
    """Return whether a module is outside all layers of Brevitas."""
    parent = module.get_submodule(path.rpartition(".")[0])
    return not type(parent).__module__.startswith("brevitas.")


# ------------------------------------------------------------------ whether it can be built


def _require_buildable(module: nn.Module, traced: Traced) -> bool:
    """Check that the file can be built.

    Returns:
        whether that could be checked: not where the packages of `build` are missing.

    Raises:
        UserError: names all layers that stand in the way, and what would help.
    """
    try:
        from irnet_hw.compiler.front import problems_of
    except ModuleNotFoundError as error:
        say(f"  whether it can be built was not checked: {error.name} is not installed")
        return False
    copy = ModelWrapper(traced.model.model, make_deepcopy=True)
    found = [each + _remedy(module, traced, each) for each in problems_of(copy)]
    if len(found) == 1:
        raise UserError(found[0])
    if found:
        listed = "; ".join(f"{number}. {each}" for number, each in enumerate(found, 1))
        raise UserError(f"{len(found)} problems: {listed}")
    return True


def _remedy(module: nn.Module, traced: Traced, problem: str) -> str:
    """Return which layer a problem is about, and what would help if that depends on the layer."""
    match = re.match(r"(tensor .*?, of )?node (\S+) \(", problem)
    nodes = {node.name: node for node in traced.model.graph.node}
    if match is None or match[2] not in nodes:
        return ""
    node = nodes[match[2]]
    makers = {made.output[0]: made for made in traced.model.graph.node}
    while match[1] and node.op_type in _PASSING and node.input[0] in makers:
        node = makers[node.input[0]]
    path = traced.paths[node.name]
    layer = module.get_submodule(path)
    if not path:
        return ""
    kind = type(layer).__name__
    called = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    if type(layer).__module__.startswith("brevitas."):
        weights = getattr(layer, "weight_quant", None)
        floats = getattr(weights, "is_quant_enabled", None) is False
        return f"; {path} is {called} with weight_quant=None: leave that out" if floats else ""
    if match[1]:
        return f"; {path} is {called}; put brevitas.nn.QuantIdentity(bit_width=4) behind it"
    if type(layer) in _FLOAT_LAYERS:
        return (
            f"; {path} is a torch.nn.{kind}, whose weights are float: replace it by "
            f"brevitas.nn.Quant{kind}({layer.extra_repr()}, weight_bit_width=8), or with "
            "weight_quant=irnet_hw.quant.LibraWeightQuant for 1 bit"
        )
    other = next((line for kinds, line in _INSTEAD.items() if kind in kinds), "")
    return f"; {path} is {called}" + (f": replace it by {other}" if other else "")


# ------------------------------------------------------------------ what is written and said


def _golden(
    traced: Traced, images: Images, x: npt.NDArray[np.float32]
) -> dict[str, npt.NDArray[Any]]:
    names = list(dict.fromkeys(q.after for q in traced.quantizers if q.after != OUTPUT))
    tensors = Runner(traced.model, names).run(x[:GOLDEN_IMAGES])
    shaped = images[:GOLDEN_IMAGES].reshape(-1, *spec.image_shape(traced.model))
    return {"images": shaped, **tensors}


def _versions() -> dict[str, str]:
    return {
        "irnet-hw": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("brevitas", "numpy", "onnx", "qonnx", "torch")},
    }


def _other_classes(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> int:
    first, second = (
        flat.argmax(1) if flat.shape[1] > 1 else flat[:, 0]
        for flat in (y.reshape(len(y), -1) for y in (one, other))
    )
    return int(np.count_nonzero(first != second))


def _conclude(path: Path, proof: Proof, images: int) -> None:
    say(
        f"{path}: compared with the module on {images} images in {proof.values} values of "
        f"{len(proof.layers)} tensors: {proof.differences} differences"
    )
    if proof.moved:
        first = next(layer for layer in proof.layers if layer.before)
        worst = max(layer.before for layer in proof.layers)
        say(
            "  PyTorch and qonnx's executor round float32 differently, as they order operations "
            f"differently: first before {first.name}, by up to {worst:.3g}, which rounding "
            f"explains; {_other_classes(proof.pytorch, proof.qonnx)} predictions differ"
        )


def _conclude_build(path: Path, model: ModelWrapper, images: Images, proof: Proof) -> None:
    """Say that the file can be built, and how far what is built then is from the module."""
    from irnet_hw.compiler.finn_quiet import quiet
    from irnet_hw.compiler.front import network_of

    with quiet():
        network = network_of(ModelWrapper(model.model, make_deepcopy=True), None, lambda _: None)
    if network.moved:
        say("  irnet-hw build makes sums exact; it builds the file with")
        for each in network.moved:
            say(f"    {each}")
        shaped = images.reshape(-1, *spec.image_shape(model))
        found = spec.run(network.specification, shaped)[OUTPUT]
        apart = np.abs(proof.pytorch.astype(np.float64) - found.reshape(proof.pytorch.shape)).max()
        say(
            f"    its outputs differ from the module's by up to {apart:.3g}, and "
            f"{_other_classes(proof.pytorch, found)} of {len(images)} predictions"
        )
    say(f"{path}: can be built")
