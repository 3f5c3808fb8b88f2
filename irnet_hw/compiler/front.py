"""The front door: a network as its user gives it, its specification, and its hardware ops."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from irnet_hw import spec
from irnet_hw.artifact.tail import Tail
from irnet_hw.compiler.emission.tail import tail_of
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.graph import add_tensor, fresh, readers, shape
from irnet_hw.compiler.passes.canonical import BIASES_KEY
from irnet_hw.compiler.passes.emit import ROUNDED_KEY, first_layer, keep_units, output
from irnet_hw.compiler.passes.integers import Interpreter, split_tail
from irnet_hw.compiler.passes.problems import Problems
from irnet_hw.compiler.passes.rescale import MOVED_KEY, PIXELS_KEY, Rescale, moved
from irnet_hw.compiler.passes.sequence import PASSES
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.progress import say
from irnet_hw.read import shown

#: The domains of ONNX's own ops.
ONNX_DOMAINS = ("", "ai.onnx")
#: What to do about ops of QONNX that are refused.
_INSTEAD = {
    "MultiThreshold": "; build from the file before FINN's conversion",
    "Trunc": "; use an average pool and a quantizer behind it, such as QuantIdentity, instead",
}
#: Images on which the file and its specification are compared, if the user has none.
IMAGES = 64
#: The node that multiplies pixels by their scale.
SCALING = "scale_of_pixels"


@dataclass(frozen=True)
class Network:
    """A network, and what it becomes.

    Attributes:
        given: the file, with the scale of its pixels.
        specification: what the hardware computes: the file, or the file with scales behind layers.
        moved: what the specification has behind a layer and the file before its sums.
        graph: the hardware ops, not yet folded.
        tail: what follows them.
    """

    given: ModelWrapper
    specification: ModelWrapper
    moved: list[str]
    graph: ModelWrapper
    tail: Tail

    @property
    def as_given(self) -> bool:
        """Whether the specification is the file as it is."""
        return not self.moved and self.given.graph.node[0].name != SCALING


def read(path: Path, input_scale: Fraction | None = None) -> Network:
    """Read a network and turn it into hardware ops.

    Args:
        path: a QONNX file.
        input_scale: pixels are multiplied by this before they reach the file; None: as the file's
            metadata says, or not at all.

    Raises:
        UserError: names the file, and the node that can't be built.
    """
    given = spec.load(path)
    try:
        network = network_of(given, input_scale, say)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    say_first_layer(network)
    return network


def network_of(
    given: ModelWrapper, input_scale: Fraction | None, says: Callable[[str], None]
) -> Network:
    """Turn a network into hardware ops.

    Args:
        given: a QONNX file's content.
        input_scale: see :func:`read`.
        says: is called with a line before each step.

    Raises:
        UserError: names the node that can't be built.
    """
    says("  checking the network")
    given = _checked(given, input_scale)
    graph, exact = given, given
    for each in PASSES:
        says(f"  {each.says}")
        graph = graph.transform(each.step())
        if each.step is Rescale:
            exact = graph
    tail = tail_of(exact, output(graph).tensor)
    changes = [*moved(exact), *moved(graph)]
    specification = _clean(exact, given) if changes else given
    rounded = graph.get_metadata_prop(ROUNDED_KEY)
    if rounded:
        _round_once(specification, rounded)
    keep_units(graph, specification.get_all_tensor_names())
    return Network(given, specification, changes, graph, tail)


def problems(path: Path, input_scale: Fraction | None = None) -> list[str]:
    """Return everything that prevents building a network.

    Args:
        path: a QONNX file.
        input_scale: see :func:`read`.

    Raises:
        UserError: the file can't be read.
    """
    return problems_of(spec.load(path), input_scale)


def problems_of(given: ModelWrapper, input_scale: Fraction | None = None) -> list[str]:
    """Return everything that prevents building a network, of a file's content."""
    found = Problems()
    with quiet():
        try:
            graph = _checked(given, input_scale).transform(Tidy())
            graph = graph.transform(Rescale(found))
            hardware = Interpreter(graph, found).graph()
            tail_of(graph, split_tail(graph)[0] if found.found else output(hardware).tensor)
        except UserError as error:
            found.found.append(error)
    return [str(error) for error in found.found]


def _checked(given: ModelWrapper, input_scale: Fraction | None) -> ModelWrapper:
    """Return a network that takes pixels, after checking that it can be run."""
    check_domains(given)
    given = with_input_scale(given, input_scale or _stated_scale(given))
    _try(given)
    return given


def check_domains(model: ModelWrapper) -> None:
    """Refuse a network with nodes that are neither ONNX ops nor QONNX quantizers.

    This comes before all passes: shape inference fails on nodes that it does not know.

    Raises:
        UserError: names the node and its op.
    """
    for node in model.graph.node:
        if node.domain not in ONNX_DOMAINS and node.op_type not in QUANTIZERS:
            raise UserError(
                f"{label(node)}: is of domain {node.domain}; only ONNX's own ops and "
                f"{' and '.join(QUANTIZERS)} of QONNX are supported"
                f"{_INSTEAD.get(node.op_type, '')}"
            )


def with_input_scale(model: ModelWrapper, scale: Fraction | None) -> ModelWrapper:
    """Return a network that takes pixels, of one whose input is pixels times a scale."""
    if scale is None or scale == 1:
        return model
    image = model.graph.input[0].name
    scaled = add_tensor(
        model, f"{image}_scaled", shape(model, image), model.get_tensor_datatype(image)
    )
    for node in readers(model, image):
        for i, name in enumerate(node.input):
            if name == image:
                node.input[i] = scaled
    divided = scale.numerator == 1
    value = float(scale.denominator if divided else scale)
    constant = f"{image}_scale"
    model.set_initializer(constant, np.array(value, np.float32))
    kind = "Div" if divided else "Mul"
    node = helper.make_node(kind, [image, constant], [scaled], name=SCALING)
    model.graph.node.insert(0, node)
    stated = spec.metadata(model)
    if stated.pop("input_scale", None) is not None:  # else it would be applied again
        model.set_metadata_prop(spec.METADATA_KEY, json.dumps(stated))
    return model


def _stated_scale(model: ModelWrapper) -> Fraction | None:
    """Return what the file's metadata says that pixels are multiplied by."""
    stated = spec.metadata(model).get("input_scale")
    return None if stated is None else input_scale(str(stated), "metadata irnet_hw: input_scale")


def input_scale(text: str, where: str) -> Fraction:
    """Return a scale of pixels, such as 1/255.

    Raises:
        UserError: it is not a positive number or fraction; names ``where`` it was found.
    """
    try:
        found = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise UserError(
            f"{where}: {shown(text)}, must be a number or a fraction, such as 1/255"
        ) from error
    if not 2**-64 <= found <= 2**64:
        raise UserError(f"{where}: {shown(text)}, must be above 0, such as 1/255")
    return found


def differences(network: Network, images: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Return how the specification differs from the file on images.

    Returns:
        the number of images, the largest difference of an output, and how many signs and classes
        differ.
    """
    output = network.given.graph.output[0].name
    signs = [
        node.output[0]
        for node in network.given.graph.node
        if node.op_type == "BipolarQuant"
        and network.given.get_initializer(node.input[0]) is None
        and network.specification.find_producer(node.output[0]) is not None
    ]
    before, after = (
        spec.run(model, images, signs) for model in (network.given, network.specification)
    )
    largest = np.abs(before[output].astype(np.float64) - after[output]).max(initial=0.0)
    flat = [found[output].reshape(len(images), -1) for found in (before, after)]
    classes = [x.argmax(axis=1) if x.shape[1] > 1 else x[:, 0] for x in flat]
    flipped = sum(int(np.count_nonzero(before[name] != after[name])) for name in signs)
    return {
        "images": len(images),
        "largest_difference": float(largest),
        "signs": sum(before[name].size for name in signs),
        "flipped_signs": flipped,
        "other_classes": int(np.count_nonzero(classes[0] != classes[1])),
    }


def say_first_layer(network: Network) -> None:
    """Say what the first layer reads, which shows a wrong scale of pixels."""
    first = first_layer(network.graph)
    say(
        f"  the first layer, {shown(first.name)}, reads values from {first.low:g} to {first.high:g}"
    )


def say_what_moved(
    network: Network, images: npt.NDArray[np.uint8] | None = None, kind: str = "random"
) -> None:
    """Say which scales the specification has behind layers, and how far it is from the file.

    Args:
        network: of :func:`read`.
        images: on which they are compared; None: random ones are taken.
        kind: what the images are called.
    """
    if not network.moved:
        return
    say(
        "  the file's float32 sums may depend on the order of additions; so that they don't, the "
        "specification is the file with"
    )
    for each in network.moved:
        say(f"    {each}")
    if images is None:
        sizes = spec.image_shape(network.given)
        images = np.random.default_rng(0).integers(0, 256, (IMAGES, *sizes), dtype=np.uint8)
    found = differences(network, images)
    say(
        f"    on {found['images']} {kind} images: largest "
        f"difference of an output {found['largest_difference']:.3g}, {found['flipped_signs']} of "
        f"{found['signs']} signs and {found['other_classes']} classes differ"
    )


def _clean(exact: ModelWrapper, given: ModelWrapper) -> ModelWrapper:
    """Return the network with scales behind layers, without the compiler's notes."""
    found = exact.transform(InferShapes())
    notes = (MOVED_KEY, PIXELS_KEY, BIASES_KEY)
    kept = [entry for entry in found.graph.metadata_props if entry.key not in notes]
    del found.graph.metadata_props[:]
    found.graph.metadata_props.extend(kept)
    assert found.graph.input[0].name == given.graph.input[0].name
    return found


def _round_once(model: ModelWrapper, sums: str) -> None:
    """Let a dense layer sum in float64, so that its sums are exact, and round them to float32.

    Float32 would round on the way, depending on the order of additions.
    """
    layer = model.find_producer(sums)
    nodes, at = model.graph.node, list(model.graph.node).index(layer)
    for i, name in enumerate(layer.input):
        layer.input[i] = _double(model, name)
        cast = helper.make_node("Cast", [name], [layer.input[i]], to=TensorProto.DOUBLE)
        nodes.insert(at, cast)
    layer.output[0] = _double(model, sums)
    cast = helper.make_node("Cast", [layer.output[0]], [sums], to=TensorProto.FLOAT)
    nodes.insert(at + len(layer.input) + 1, cast)


def _double(model: ModelWrapper, tensor: str) -> str:
    """Declare a tensor of float64 like another one."""
    name = fresh(model, f"{tensor}_double")
    sizes = shape(model, tensor)
    model.graph.value_info.append(
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, list(sizes))
    )
    return name


def _try(network: ModelWrapper) -> None:
    """Run the network once, so that what can't be run, or gives no numbers, is known from here on.

    Raises:
        UserError: names the node, or the output.
    """
    black = np.zeros((1, *spec.image_shape(network)), np.uint8)
    (logits,) = spec.run(network, black).values()
    if not np.all(np.isfinite(logits)):
        raise UserError(
            f"output {network.graph.output[0].name}: is not finite for a black image; float32 "
            "overflows on the way"
        )
