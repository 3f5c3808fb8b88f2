"""Runs the compiler's passes up to a given one, for its tests."""

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.passes.sequence import PASSES


def upto(model: ModelWrapper, last: type) -> ModelWrapper:
    """The model after the passes up to and including ``last``."""
    with quiet():
        for each in PASSES:
            model = model.transform(each.step())
            if each.step is last:
                break
    return model


def logits(model: ModelWrapper, pixels: np.ndarray) -> np.ndarray:
    """The output of a graph that takes NCHW images, one after another."""
    return _run(model, pixels.transpose(0, 3, 1, 2))


def logits_nhwc(model: ModelWrapper, pixels: np.ndarray) -> np.ndarray:
    """The output of a lowered graph, which takes NHWC images."""
    return _run(model, pixels)


def _run(model: ModelWrapper, pixels: np.ndarray) -> np.ndarray:
    name, output = model.graph.input[0].name, model.graph.output[0].name
    with quiet():
        found = [execute_onnx(model, {name: x[np.newaxis].astype(np.float32)}) for x in pixels]
    return np.concatenate([one[output] for one in found])


def kinds(model: ModelWrapper) -> list[str]:
    return [node.op_type for node in model.graph.node]
