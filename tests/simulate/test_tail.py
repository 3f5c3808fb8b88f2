"""Networks with float nodes after the accelerator's integers, in simulation and driver."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.artifact.names import MODEL
from irnet_hw.compiler.emission.board_top import write_shell
from irnet_hw.compiler.emission.tail import tail_of
from irnet_hw.runtime import Accelerator
from irnet_hw.simulate.proof import simulate
from tests.networks import tiny_images

NORM = [
    numpy_helper.from_array(np.random.default_rng(i).uniform(0.1, 3, 3).astype(np.float32), f"b{i}")
    for i in range(4)
]
K = numpy_helper.from_array(np.array([2], np.int64), "k")


def node(op, *names, **attributes):
    """A node whose last name is its output."""
    return helper.make_node(op, names[:-1], names[-1:], name=op, **attributes)


def extended(folder, nodes, constants, kind, shape):
    """Add nodes to the network of an accelerator, as if it had been built with them.

    They begin at "logits"; the last output of the last one is the network's.
    """
    model = spec.load(folder / MODEL)
    graph = model.graph
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    graph.value_info.append(graph.output[0])
    graph.output[0].CopyFrom(helper.make_tensor_value_info(nodes[-1].output[-1], kind, shape))
    model.save(str(folder / MODEL))
    digest = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    built = manifest.load(folder)
    hashes = replace(built.hashes, model=digest)
    built = replace(built, tail=tail_of(model, "logits"), hashes=hashes)
    shutil.rmtree(folder / "shell")
    return manifest.write(write_shell(built, folder), folder)


@pytest.mark.parametrize(
    ("nodes", "constants", "kind", "shape"),
    [
        pytest.param(
            [
                node("BatchNormalization", "logits", "b0", "b1", "b2", "b3", "normal"),
                node("Softmax", "normal", "end", axis=1),
            ],
            NORM,
            TensorProto.FLOAT,
            [1, 3],
            id="probabilities",
        ),
        pytest.param(
            [helper.make_node("TopK", ["logits", "k"], ["values", "end"], name="TopK")],
            [K],
            TensorProto.INT64,
            [1, 2],
            id="places",
        ),
    ],
)
def test_the_file_is_run_to_its_end(build_dir, nodes, constants, kind, shape):
    built = extended(build_dir, nodes, constants, kind, shape)
    images = tiny_images(12)
    (expected,) = spec.run(spec.load(build_dir / MODEL), images).values()
    result = simulate(build_dir, images, None)
    assert result.differences == 0
    assert result.logits_compared == 12 * shape[1]
    assert result.tensors[-1].tensor == built.tail.name
    classes = expected[:, 0] if kind == TensorProto.INT64 else expected.argmax(axis=1)
    assert list(result.predictions) == list(result.expected) == classes.tolist()
    with Accelerator(build_dir, device="sim") as accelerator:
        found = accelerator.logits(images)
        assert found.dtype == expected.dtype
        assert np.allclose(found, expected, rtol=0, atol=2.0**-20)
        assert np.array_equal(accelerator.predict(images), classes)


def test_a_wrong_tail_is_found(build_dir):
    leaky = node("LeakyRelu", "logits", "end", alpha=0.5)
    built = extended(build_dir, [leaky], [], TensorProto.FLOAT, [1, 3])
    (step,) = built.tail.steps
    wrong = replace(step, attributes={"alpha": 0.25})
    manifest.write(replace(built, tail=replace(built.tail, steps=(wrong,))), build_dir)
    result = simulate(build_dir, tiny_images(12), None)
    assert 0 < result.differences == result.tensors[-1].differences
