"""Random chains of nodes after a network's last layer, as exporters of all opsets write them."""

from math import prod

import numpy as np
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

QONNX = "qonnx.custom_op.general"
ENTRY = "integers"


class Chain:
    """A chain of nodes, which begins at the graph's input."""

    def __init__(self, shape, opset=17):
        self.entry, self.opset = tuple(shape), opset
        self.shape, self.type = tuple(shape), TensorProto.FLOAT
        self.tensor, self.nodes, self.constants = ENTRY, [], []

    @property
    def exact(self):
        """Whether onnxruntime gives the same on every processor."""
        approximate = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Softplus", "Exp", "Elu")
        return not any(node.op_type in approximate for node in self.nodes)

    def constant(self, value, kind=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, op, *more, first=True, domain="", outputs=1, shape=None, **attributes):
        """Add a node; `more` are its other inputs, `shape` its result's."""
        names = [f"{op}{len(self.nodes)}_{index}" for index in range(outputs)]
        inputs = [self.tensor, *more] if first else [*more, self.tensor]
        self.nodes.append(
            helper.make_node(
                op, inputs, names, name=f"node{len(self.nodes)}", domain=domain, **attributes
            )
        )
        self.tensor = names[-1]
        self.shape = self.shape if shape is None else tuple(shape)
        return self

    def model(self):
        graph = helper.make_graph(
            self.nodes,
            "tail",
            [helper.make_tensor_value_info(ENTRY, TensorProto.FLOAT, self.entry)],
            [helper.make_tensor_value_info(self.tensor, self.type, self.shape)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        model = ModelWrapper(qonnx_make_model(graph, opset_imports=opsets))
        return model.transform(InferShapes())

    # The nodes, in the forms of the chain's opset.

    def clip(self, least, most):
        if self.opset < 11:  # onnxruntime refuses them in the wrong order
            least, most = (least, most) if least is None else sorted((least, most))
            return self.node("Clip", **{} if least is None else {"min": least}, max=most)
        low = "" if least is None else self.constant(least)
        return self.node("Clip", low, self.constant(most))

    def resized(self, op, axes, shape):
        if self.opset < 13:
            return self.node(op, axes=axes, shape=shape)
        return self.node(op, self.constant(axes, np.int64), shape=shape)

    def topk(self, axis, k, largest=True, **more_attributes):
        shape = [k if index == axis else size for index, size in enumerate(self.shape)]
        more, attributes = [self.constant([k], np.int64)], {"axis": axis}
        if self.opset < 10:
            more, attributes = [], {"axis": axis, "k": k}
        if self.opset >= 11:
            attributes |= {"largest": int(largest), **more_attributes}
        self.node("TopK", *more, outputs=2, shape=shape, **attributes)
        self.type = TensorProto.INT64
        return self

    def topk_values(self):
        self.topk(1, 2)
        self.tensor, self.type = self.nodes[-1].output[0], TensorProto.FLOAT
        return self

    def cast(self):
        self.type = TensorProto.FLOAT
        return self.node("Cast", to=TensorProto.FLOAT)

    def argmax(self, axis, keep, last=False):
        around = [[], [1]][keep]
        attributes = {"select_last_index": 1} if last and self.opset >= 12 else {}
        shape = [*self.shape[:axis], *around, *self.shape[axis + 1 :]]
        self.node("ArgMax", axis=axis, keepdims=int(keep), shape=shape, **attributes)
        self.type = TensorProto.INT64
        return self


def by_qonnx(model, values):
    """Return the output of qonnx's own executor, image by image: [N, *output's shape]."""
    name = model.graph.output[0].name
    return np.stack([execute_onnx(model, {ENTRY: value})[name] for value in values])


#: With signed zeros, ties, and numbers that float32 can't hold exactly.
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, -3.5]),
    st.floats(-100, 100, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3),
)


@st.composite
def chains(draw):
    """Return a chain, and values to run it on."""
    shape = draw(st.sampled_from([(1, 10), (1, 1), (1, 3, 2, 2), (1, 17, 1, 1), (1, 4, 5)]))
    chain = Chain(shape, draw(st.integers(9, 20)))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    for _ in range(draw(st.integers(0, 5))):
        _step(draw, chain, random)
    last = draw(st.sampled_from(["", "", "TopK", "ArgMax"]))
    if last and chain.shape:
        axis = draw(st.integers(0, len(chain.shape) - 1))
        if last == "TopK":
            chain.topk(axis, draw(st.integers(1, chain.shape[axis])), draw(st.booleans()))
        else:
            chain.argmax(axis, draw(st.booleans()), draw(st.booleans()))
    if not chain.nodes:
        chain.node("Neg")
    size = 3 * prod(chain.entry)
    values = draw(st.lists(st.integers(-300, 300), min_size=size, max_size=size))
    scale = draw(st.sampled_from([1.0, 0.5, 0.1]))
    return chain, (np.array(values, np.float32) * np.float32(scale)).reshape(3, *chain.entry)


def _step(draw, chain, random):
    shape, rank = chain.shape, len(chain.shape)
    kinds = ["binary", "unary", "clip", "bipolar", "quant", "softmax", "transpose", "reshape"]
    kinds += ["prelu", "unsqueeze", "squeeze", "flatten"] + ["norm"] * (rank >= 2)
    kind = draw(st.sampled_from(kinds))
    channels = [
        (),
        (1,),
        shape[-1:],
        (1,) * (rank > 0) + shape[1:2] + (1,) * (rank - 2),
        shape,
        (1, *shape),
    ]
    if kind == "binary":
        sizes = draw(st.sampled_from(channels))
        op, first = draw(st.sampled_from(["Add", "Sub", "Mul", "Div"])), draw(st.booleans())
        value = random.normal(size=sizes)
        grown = np.broadcast_shapes(sizes, shape)
        if op == "Div" and not first:  # a constant by what may be 0
            op = "Sub"
        if draw(st.integers(0, 9)) == 0:
            chain.node(op if op != "Div" else "Mul", chain.tensor)
        else:
            chain.node(op, chain.constant(value), first=first, shape=grown)
    elif kind == "unary":
        plain = ["Neg", "Abs", "Relu", "Identity", "Dropout", "Sigmoid", "Tanh", "Softplus"]
        op = draw(st.sampled_from([*plain, "Elu", "LeakyRelu", "HardSigmoid"]))
        names = {"LeakyRelu": ["alpha"], "Elu": ["alpha"], "HardSigmoid": ["alpha", "beta"]}.get(
            op, []
        )
        chain.node(op, **{name: draw(NUMBERS) for name in names})
    elif kind == "prelu":
        chain.node(
            "PRelu", chain.constant(random.normal(size=draw(st.sampled_from([(), shape[-1:]]))))
        )
    elif kind == "clip":
        chain.clip(draw(st.one_of(st.none(), NUMBERS)), draw(NUMBERS))
    elif kind == "norm":
        size = shape[1]
        parameters = [random.normal(size=size) for _ in range(3)] + [random.uniform(0.1, 4, size)]
        chain.node("BatchNormalization", *map(chain.constant, parameters), epsilon=1e-4)
    elif kind == "bipolar":
        chain.node("BipolarQuant", chain.constant(random.uniform(0.1, 2)), domain=QONNX)
    elif kind == "quant":
        narrow = draw(st.integers(0, 1))
        chain.node(
            "Quant",
            chain.constant(random.uniform(0.01, 2, draw(st.sampled_from([(), shape[-1:]])))),
            chain.constant(draw(st.sampled_from([0, 3, -2]))),
            chain.constant(draw(st.integers(2 if narrow else 1, 9))),
            domain=QONNX,
            signed=draw(st.integers(0, 1)),
            narrow=narrow,
            rounding_mode=draw(
                st.sampled_from(
                    ["ROUND", "CEIL", "floor", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "HALF_EVEN"]
                )
            ),
        )
    elif kind == "softmax" and rank:
        axis = draw(st.integers(-rank, rank - 1))
        attributes = {} if rank > 1 and draw(st.booleans()) else {"axis": axis}
        chain.node(draw(st.sampled_from(["Softmax", "LogSoftmax"])), **attributes)
    elif kind == "transpose":
        perm = draw(st.permutations(range(rank)))
        chain.node("Transpose", perm=perm, shape=[shape[axis] for axis in perm])
    elif kind == "reshape":
        wanted = draw(st.sampled_from([(-1,), (1, -1), (0, -1), (1, prod(shape)), (1, -1, 1)]))
        if wanted[0] == 0 and not rank:
            wanted = (-1,)
        head = [shape[0] if size == 0 else size for size in wanted]
        rest = prod(shape) // prod(size for size in head if size > 0)
        chain.node(
            "Reshape",
            chain.constant(wanted, np.int64),
            shape=[rest if size == -1 else size for size in head],
        )
    elif kind == "unsqueeze" and rank < 5:
        axis = draw(st.integers(0, rank))
        chain.resized("Unsqueeze", [axis], [*shape[:axis], 1, *shape[axis:]])
    elif kind == "squeeze" and 1 in shape:
        axis = shape.index(1)
        chain.resized("Squeeze", [axis], [*shape[:axis], *shape[axis + 1 :]])
    elif kind == "flatten" and rank:
        axis = draw(st.integers(0, rank))
        chain.node("Flatten", axis=axis, shape=[prod(shape[:axis]), prod(shape[axis:])])
