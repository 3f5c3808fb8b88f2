"""Stands for one of FINN's layers while the kernels around it are folded.

The search for folds asks every node for its lanes, cycles, area and the times of its beats. FINN's
layers answer only some of that, so a copy of the graph has this op in their places. It has one
choice: the fold that the layer has.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import finn.custom_op.fpgadataflow as generic
import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw.compiler.graph import FINN_DOMAIN
from irnet_hw.kernels.base import Ints, Kernel, Reach
from irnet_hw.kernels.timing import Moves, Times, in_steps


def is_ours(node: NodeProto) -> bool:
    """Return whether a node of a hardware graph is one of our kernels."""
    return isinstance(getCustomOp(node), Kernel)


def streams_in(model: ModelWrapper, node: NodeProto) -> list[int]:
    """Return which inputs of one of FINN's layers are streams; the others are constants."""
    names = enumerate(node.input)
    return [i for i, name in names if name and model.get_initializer(name) is None]


def stand_in(model: ModelWrapper, node: NodeProto, part: str) -> NodeProto:
    """Return a node that stands for one of FINN's layers.

    Args:
        model: the graph.
        node: the layer, specialised and folded.
        part: the FPGA.
    """
    layer: HWCustomOp = getCustomOp(node)
    inputs = streams_in(model, node)
    outputs = range(len(node.output))
    size = layer.node_res_estimation(part)
    content = {
        "op": node.op_type,
        "inputs": [
            [
                [int(size) for size in layer.get_normal_input_shape(i)],
                [int(size) for size in layer.get_folded_input_shape(i)],
                layer.get_input_datatype(i).name,
            ]
            for i in inputs
        ],
        "outputs": [
            [
                [int(size) for size in layer.get_normal_output_shape(i)],
                [int(size) for size in layer.get_folded_output_shape(i)],
                layer.get_output_datatype(i).name,
            ]
            for i in outputs
        ],
        "cycles": int(layer.get_exp_cycles()),
        "area": {key: int(size.get(key, 0)) for key in ("LUT", "BRAM_18K", "DSP")},
    }
    return helper.make_node(
        FinnLayer.__name__,
        [node.input[i] for i in inputs],
        list(node.output),
        name=node.name,
        domain=FINN_DOMAIN,
        backend="fpgadataflow",
        inputDataType=content["inputs"][0][2],
        outputDataType=content["outputs"][0][2],
        layer=json.dumps(content),
    )


@lru_cache
def _content(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


class FinnLayer(Kernel):
    """One of FINN's layers as it is folded. It is in no graph that is built.

    Attributes:
        layer: what FINN says about the layer, as JSON.
    """

    stands_apart = True

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {**super().get_nodeattr_types(), "layer": ("s", True, "")}

    def check(self) -> None:
        """Do nothing: FINN checks its layers."""

    def facts(self) -> dict[str, Any]:
        """Return the name of FINN's op."""
        return {"op": self._get("op")}

    def describe(self) -> str:
        """Return the name of FINN's op."""
        return f"FINN's {self._get('op')}"

    def _get(self, key: str) -> Any:
        return _content(self.get_nodeattr("layer"))[key]

    # ------------------------------------------------------------------ shapes and types

    def streams_in(self) -> int:
        """Return the number of input streams."""
        return len(self._get("inputs"))

    def streams_out(self) -> int:
        """Return the number of output streams."""
        return len(self._get("outputs"))

    def lanes_in(self, ind: int = 0) -> int:
        """Return the elements of an input beat."""
        return int(self._get("inputs")[ind][1][-1])

    def lanes_out(self, ind: int = 0) -> int:
        """Return the elements of an output beat."""
        return int(self._get("outputs")[ind][1][-1])

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of an input stream."""
        return tuple(self._get("inputs")[ind][0])

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of an output stream."""
        return tuple(self._get("outputs")[ind][0])

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the beats and lanes of an input stream."""
        return tuple(self._get("inputs")[ind][1])

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the beats and lanes of an output stream."""
        return tuple(self._get("outputs")[ind][1])

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of an input stream's elements."""
        return DataType[self._get("inputs")[ind][2]]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of an output stream's elements."""
        return DataType[self._get("outputs")[ind][2]]

    # ------------------------------------------------------------------ models

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Refuse: the graph that is run has FINN's layer."""
        raise NotImplementedError

    def get_exp_cycles(self) -> int:
        """Return FINN's estimate."""
        return int(self._get("cycles"))

    def latency(self) -> int:
        """Return 1; FINN does not say it."""
        return 1

    def reach(self, pixels: Reach) -> Reach:
        """Return the pixel as far into the input as a pixel is into the output."""
        before, after = (
            prod(shape[:-1])
            for shape in (self.get_normal_input_shape(), self.get_normal_output_shape())
        )
        found: Reach = (pixels + 1) * before // after - 1
        return np.maximum(found, 0)

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: evenly over FINN's estimate of a frame's cycles.

        FINN does not say when they do. The depths of a build's FIFOs do not depend on this, as FINN
        itself decides them.
        """
        frames, cycles = self.frames(there[0]), self.get_exp_cycles()
        taken = [in_steps(times, _even(len(times), frames, cycles)) for times in there]
        written = []
        for ind in range(self.streams_out()):
            count = frames * prod(self.get_folded_output_shape(ind)[:-1])
            last = np.arange(1, count + 1)
            needed = [times[-(-last * len(times) // count) - 1] for times in taken]
            ready = np.maximum.reduce(needed) + self.latency()
            written.append(in_steps(ready, _even(count, frames, cycles)))
        return taken, written

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return FINN's estimate."""
        return int(self._get("area")["LUT"])

    def bram_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return FINN's estimate."""
        return int(self._get("area")["BRAM_18K"])

    def dsp_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return FINN's estimate."""
        return int(self._get("area")["DSP"])


def _even(beats: int, frames: int, cycles: int) -> Times:
    """Return the cycles at which beats move that are spread evenly."""
    return np.arange(beats) * frames * cycles // beats


generic.register_custom_op(FinnLayer)
