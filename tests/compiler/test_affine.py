from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from irnet_hw.compiler.numbers.affine import affine
from irnet_hw.errors import UserError

#: Numbers with few or many bits, close together or far apart.
NUMBER = st.builds(
    lambda mantissa, exponent: mantissa * 2.0**exponent,
    st.one_of(st.integers(-20, 20), st.integers(-(2**24), 2**24)),
    st.integers(-30, 4),
)
STEP = st.tuples(st.sampled_from(["Mul", "Add", "Sub"]), NUMBER)
#: Their evaluation in float32.
FLOAT = {"Mul": np.multiply, "Add": np.add, "Sub": np.subtract}


def graph(operations: list[tuple[str, float]]) -> ModelWrapper:
    """Operations on one channel of 4-bit integers."""
    names = [f"t{i}" for i in range(len(operations) + 1)]
    nodes = [
        helper.make_node(kind, [names[i], f"c{i}"], [names[i + 1]], name=f"node{i}")
        for i, (kind, _) in enumerate(operations)
    ]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in names]
    constants = [
        numpy_helper.from_array(np.array([value], np.float32), f"c{i}")
        for i, (_, value) in enumerate(operations)
    ]
    made = helper.make_graph(
        nodes, "chain", infos[:1], infos[-1:], constants, value_info=infos[1:-1]
    )
    model = ModelWrapper(qonnx_make_model(made))
    model.set_tensor_datatype(names[0], DataType["INT4"])
    return model


@given(st.lists(STEP, min_size=1, max_size=4), st.sampled_from([1.0, 2.0**-7]))
def test_what_is_accepted_is_exact(operations: list[tuple[str, float]], step: float) -> None:
    model = graph(operations)
    try:
        found = affine(model, model.graph.output[0].name, {"t0": Fraction(step)})
    except UserError:
        return
    (term,) = found.terms["t0"]
    assert (term.low, term.high) == (-8, 7)
    for x in range(-8, 8):
        value = np.float32(x * step)
        for kind, constant in operations:
            value = FLOAT[kind](value, np.float32(constant))
        assert Fraction(float(value)) == term.factor * x + found.offset[0]


def test_numbers_up_to_2_24_are_accepted() -> None:
    def offset(value: float) -> Fraction:
        model = graph([("Add", value)])
        return affine(model, "t1", {"t0": Fraction(1)}).offset[0]

    assert offset(2.0**24 - 7) == 2**24 - 7
    try:
        offset(2.0**24 - 6)
    except UserError as error:
        assert str(error).startswith("node node0 (Add): takes up to 16777217 steps of 1 in ")
    else:
        raise AssertionError("accepted")
