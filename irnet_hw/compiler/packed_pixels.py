"""Packed pixels: leaves the function that a network begins with to the driver.

Where the first hardware op computes few-bit codes from each pixel alone, such as its sign, the
driver can do that as well. The accelerator then reads 1 to 4 bits for a pixel in place of 8.
"""

import numpy as np
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Ints, int_array, op, reader
from irnet_hw.errors import UserError
from irnet_hw.kernels.channelwise import Channelwise

#: The most bits of a code: a hexadecimal digit of the manifest.
BITS = 4


def take_out(graph: ModelWrapper) -> tuple[str, ...]:
    """Remove the function of the pixels from a graph of hardware ops, which then reads its codes.

    Args:
        graph: not yet folded.

    Returns:
        the manifest's ``pixel_codes``.

    Raises:
        UserError: the network does not begin with such a function.
    """
    image = graph.graph.input[0]
    nodes = [reader(graph, image.name)]
    if op(nodes[0]).regroups:
        nodes.append(reader(graph, nodes[0].output[0]))
    kernel, codes = op(nodes[-1]), nodes[-1].output[0]
    datatype = kernel.get_output_datatype()
    bits = int(datatype.bitwidth())
    if not isinstance(kernel, Channelwise) or kernel.streams_in() != 1 or bits > BITS:
        raise UserError(
            f"packed-pixels: the first that reads the pixels is {nodes[-1].name} "
            f"({kernel.describe()}), must be a function of each pixel with codes of at most {BITS} "
            "bits, and nothing else may read them: put a sign or a quantizer of 1 to 4 bits in "
            "front of the first layer (in Brevitas a QuantIdentity), or build without "
            "--packed-pixels"
        )
    constants = [int_array(graph, name) for name in nodes[-1].input[1:]]
    channels = kernel.get_normal_input_shape()[-1]
    pixels: Ints = np.repeat(np.arange(256)[:, None], channels, axis=1)
    (values,) = kernel.results(pixels, *constants)
    unsigned = values > 0 if datatype.name == "BIPOLAR" else values & ((1 << bits) - 1)
    tables = ["".join(f"{int(code):x}" for code in row) for row in unsigned.T]
    for node in nodes:
        graph.graph.node.remove(node)
    (info,) = [info for info in graph.graph.value_info if info.name == codes]
    entry = helper.make_tensor_value_info(codes, 1, graph.get_tensor_shape(codes))
    graph.graph.value_info.remove(info)
    graph.graph.input[0].CopyFrom(entry)
    return tuple(tables[:1] if len(set(tables)) == 1 else tables)
