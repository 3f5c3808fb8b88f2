"""Python side of the kernel tests: a node, its RTL and its NumPy model, compared beat by beat."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.kernels.base import beats
from irnet_hw.share import share
from tests.bench import Bench, compile_bench

PART = "xc7z020clg400-1"
CLOCK_NS = 10.0
#: How streams behave, for Hypothesis: the odds of a gap and of a stall in each cycle, and the seed
#: of both.
IRREGULAR = {
    "p_gap": st.sampled_from([0.0, 0.3, 0.8]),
    "p_stall": st.sampled_from([0.0, 0.3, 0.8]),
    "seed": st.integers(0, 2**32 - 1),
}


class KernelUnderTest:
    """One node with its parameters, its generated RTL and the compiled simulation."""

    def __init__(
        self,
        op: str,
        attributes: Mapping[str, object],
        parameters: Mapping[str, tuple[np.ndarray, str]] | None = None,
    ):
        """Make a model of one ``op``_rtl node.

        Args:
            op: the op's name without ``_rtl``.
            attributes: of the node.
            parameters: constant inputs in order: name -> (integers, FINN data type).
        """
        parameters = parameters or {}
        scratch = helper.make_model(
            helper.make_graph([_node(op, [], [], attributes)], "kernel", [], [])
        )
        kernel = getCustomOp(scratch.graph.node[0])
        kernel.check()
        inputs = [f"x{ind}" for ind in range(kernel.streams_in())]
        outputs = [f"y{ind}" for ind in range(kernel.streams_out())]
        graph = helper.make_graph(
            [_node(op, [*inputs, *parameters], outputs, attributes)],
            "kernel",
            [_tensor(x, kernel.get_normal_input_shape(ind)) for ind, x in enumerate(inputs)],
            [_tensor(y, kernel.get_normal_output_shape(ind)) for ind, y in enumerate(outputs)],
        )
        self.model = ModelWrapper(helper.make_model(graph))
        for ind, name in enumerate(inputs):
            self.model.set_tensor_datatype(name, kernel.get_input_datatype(ind))
        for name, (values, datatype) in parameters.items():
            self.model.set_initializer(name, values.astype(np.float64))  # exact up to 53 bits
            self.model.set_tensor_datatype(name, DataType[datatype])
        self.kernel = getCustomOp(self.model.graph.node[0])
        self.parameters = [values.astype(np.int64) for values, _ in parameters.values()]
        self.scratch = tempfile.TemporaryDirectory(prefix="kernel-")
        self.folder = Path(self.scratch.name)
        self.kernel.set_nodeattr("code_gen_dir_ipgen", str(self.folder))
        self.kernel.generate_hdl(self.model, PART, CLOCK_NS)

    def bench(self) -> Bench:
        """Compile the wrapper, or reuse an equal simulation."""
        sources = [Path(file) for file in self.kernel.get_rtl_file_list(abspath=True)]
        return compile_bench([share("rtl") / "lint.vlt", *sources], self.kernel.onnx_node.name)

    def stream(
        self,
        x: np.ndarray | Sequence[np.ndarray],
        p_gap: float = 0.0,
        p_stall: float = 0.0,
        seed: int = 0,
        pace: Sequence[float] | None = None,
        wait: int = 0,
        rest: int = 1,
    ) -> dict[str, list[list[int]]]:
        """Stream the frames of ``x`` (batch first) through the RTL; assert it equals the model.

        If there is one input and the consumers are always ready, each beat must also move in the
        cycle that the kernel's own model predicts (:meth:`irnet_hw.kernels.base.Kernel.moves`).

        Args:
            x: integers, ±1 for BIPOLAR; several if the kernel has several input streams.
            p_gap: probability per cycle that a producer has no beat.
            p_stall: probability per cycle that a consumer takes no beat.
            seed: of gaps and stalls.
            pace: cycles that each producer needs for a beat, counted from the last one; one cycle
                if not given.
            wait: cycles at the start during which the consumers take nothing.
            rest: cycles after which a consumer may take the next beat.

        Returns:
            for each stream, the cycles in which beats went in ("cycle_in") and came out
            ("cycle_out").
        """
        kernel = self.kernel
        streams = _streams(x)
        y = kernel.results(*(one.astype(np.int64) for one in streams), *self.parameters)
        expected = [
            beats(one, kernel.lanes_out(ind), kernel.get_output_datatype(ind))
            for ind, one in enumerate(y)
        ]
        words = [
            beats(one, kernel.lanes_in(ind), kernel.get_input_datatype(ind))
            for ind, one in enumerate(streams)
        ]
        case = {
            "beats": [[f"{word:x}" for word in one] for one in words],
            "expect": [len(one) for one in expected],
            "linger": 20,  # no further beats may come out
            "p_gap": p_gap,
            "p_stall": p_stall,
            "seed": seed,
            "pace": pace or [1.0] * len(streams),
            "wait": wait,
            "rest": rest,
        }
        bench = self.bench()
        with tempfile.TemporaryDirectory(prefix="case-") as scratch:
            case_file, result_file = Path(scratch) / "case.json", Path(scratch) / "result.json"
            case_file.write_text(json.dumps(case))
            bench.run(
                "tests.rtl.stream_bench",
                {"CASE": str(case_file), "RESULT": str(result_file)},
                data=self.folder,
            )
            result = json.loads(result_file.read_text())
        for ind, (found, right) in enumerate(zip(result["out"], expected, strict=True)):
            out = [int(beat, 16) for beat in found]
            wrong = [i for i, (a, b) in enumerate(zip(out, right, strict=False)) if a != b]
            assert not wrong and len(out) == len(right), (
                f"output {ind}: {len(wrong)} of {len(right)} beats differ, {len(out)} came "
                f"(seed {seed}); first at {wrong[:1]}: "
                f"{[(hex(out[i]), hex(right[i])) for i in wrong[:1]]}; "
                f"attributes {self.kernel.onnx_node.attribute}"
            )
        if kernel.streams_in() == 1 and p_stall == 0 and wait == 0 and rest == 1:
            self.check_moves(result)
        return result

    def check_moves(self, result: Mapping[str, list[list[int]]], **reader: object) -> None:
        """Assert that beats moved in the model's cycles; those of x may come earlier.

        Args:
            result: of :meth:`stream`; the consumers were always ready, or behaved like the reader.
            reader: the model's argument, if it has one.
        """
        moves = self.kernel.moves_into if reader else self.kernel.moves
        taken, left = moves([np.array(times) for times in result["there"]], **reader)
        for ind, (found, stated) in enumerate(zip(result["cycle_in"], taken, strict=True)):
            late = np.array(found) - stated
            right = late <= 0 if ind < len(taken) - 1 else late == 0
            assert right.all(), f"input {ind}: beats taken {late} cycles after those stated"
        for ind, (found, stated) in enumerate(zip(result["cycle_out"], left, strict=True)):
            late = np.array(found) - (reader["reader"](stated) if reader else stated)
            assert (late == 0).all(), f"output {ind}: beats leave {late} cycles after those stated"

    def check_rate(
        self, x: np.ndarray | Sequence[np.ndarray], balanced: bool = False, rest: int = 1
    ) -> int:
        """Stream without gaps; assert that frames follow at exactly the stated cycles.

        Args:
            x: at least 4 frames, 6 if balanced; several if there are several input streams.
            balanced: a producer offers its beats evenly over the stated cycles and does not catch
                up after a stall, like a kernel with the same rate. Then frames count from the fifth
                on, because stalls at the start synchronise the two.
            rest: cycles that a consumer needs for a beat. If a frame then takes more cycles than
                stated, it must take exactly those.

        Returns:
            the cycles between the last two frames.
        """
        kernel, streams = self.kernel, _streams(x)
        out = [
            int(np.prod(kernel.get_folded_output_shape(ind)[:-1]))
            for ind in range(kernel.streams_out())
        ]
        stated = max(int(kernel.get_exp_cycles()), rest * max(out))
        pace = [
            stated / np.prod(kernel.get_folded_input_shape(ind)[:-1]) if balanced else 1.0
            for ind in range(len(streams))
        ]
        result = self.stream(streams, pace=pace, rest=rest)
        for cycles in result["cycle_out"]:
            ends = np.array(cycles).reshape(len(streams[0]), -1)[:, -1]
            intervals = np.diff(ends)[4 if balanced else 1 :]
            assert (intervals == stated).all(), (
                f"{intervals} cycles between frames, {stated} stated; "
                f"attributes {kernel.onnx_node.attribute}"
            )
        return int(intervals[-1])


def random_tensor(rng: np.random.Generator, shape: tuple[int, ...], datatype: str) -> np.ndarray:
    """Return uniformly distributed random integers of a FINN data type."""
    if datatype == "BIPOLAR":
        return rng.integers(0, 2, shape) * 2 - 1
    kind = DataType[datatype]
    return rng.integers(int(kind.min()), int(kind.max()) + 1, shape)


def _tensor(name: str, shape: tuple[int, ...]):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [int(size) for size in shape])


def _streams(x: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    return [x] if isinstance(x, np.ndarray) else list(x)


def _node(op: str, inputs: list[str], outputs: list[str], attributes: Mapping[str, object]):
    return helper.make_node(
        f"{op}_rtl",
        inputs,
        outputs,
        name=f"{op}_rtl_0",
        domain="finn.custom_op.fpgadataflow.rtl",
        backend="fpgadataflow",
        **attributes,
    )
