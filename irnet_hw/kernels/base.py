"""The base of all kernels: shapes from lanes, the call of the NumPy model, the RTL wrapper."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.timing import Moves, Reader, Times, in_turn
from irnet_hw.verilog import writer
from irnet_hw.verilog.library import module_files
from irnet_hw.verilog.writer import Port

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Constant:
    """A module parameter wider than an integer: an unsigned value and its width in bits."""

    value: int
    bits: int


Parameter = int | str | Constant
#: Words of a memory and their width in bits.
Memory = tuple[Sequence[int], int]

#: Attributes besides the fold that choose how an op is built, and their values. A kernel that
#: declares such an attribute offers the choice.
STYLES: Mapping[str, tuple[str, ...]] = {
    "ram_style": ("distributed", "block"),
    "mulStyle": ("lut", "dsp"),
    "dspStyle": ("single", "double"),
}

#: For each pixel of a tensor, row by row, the last pixel of another tensor that it depends on.
Reach = npt.NDArray[np.int64]


class Kernel(HWCustomOp):  # type: ignore[misc]
    """A hardware op with input streams, output streams and constant parameters.

    The first inputs of a node are streams, the others constants; all outputs are streams. Most
    kernels have one stream on each side; others override :meth:`streams_in` or :meth:`streams_out`.
    Methods with an index ``ind`` answer for that stream.

    A subclass defines the shapes of its tensors (:meth:`get_normal_input_shape`,
    :meth:`get_normal_output_shape`), the elements of the last axis per beat (:meth:`lanes_in`,
    :meth:`lanes_out`), the computation (:meth:`compute`), its cycles (:meth:`get_exp_cycles`), when
    each beat moves (:meth:`latency`, :meth:`moves`), the area (FINN's ``*_estimation`` methods and
    :meth:`ff_estimation`) and what reports say about it (:meth:`describe`, :meth:`facts`). As in
    FINN, a beat carries element 0 in its least significant bits.

    No code outside this package compares op names: the compiler and the reports ask the op for
    whatever they need to know about it.
    """

    #: The name in reports of an op that only moves beats, such as "FIFO"; "" if it computes.
    plumbing: ClassVar[str] = ""
    #: Whether this is a FIFO, whose depth the schedule decides.
    queues: ClassVar[bool] = False
    #: Whether this only changes a tensor's shape and how it is split into beats.
    regroups: ClassVar[bool] = False
    #: Whether this sums up the whole image: the sums are flat, and wider than the inputs.
    sums_image: ClassVar[bool] = False
    #: Whether the consumer must follow without a FIFO in between.
    feeds_directly: ClassVar[bool] = False
    #: Whether a FIFO is in front of it even behind a kernel that feeds directly.
    stands_apart: ClassVar[bool] = False

    #: Attributes by name, if the kernel was made by :meth:`from_values`.
    _values: MutableMapping[str, Any] | None = None

    @classmethod
    def from_values(cls, name: str, values: MutableMapping[str, Any]) -> Self:
        """Return a kernel made from attributes alone, without a node in a graph.

        The mapping is read at each look-up, so changing it changes the kernel. That is much faster
        than changing a node.

        Args:
            name: the node's name, for messages.
            values: every attribute of :meth:`get_nodeattr_types`, by name.
        """
        kernel = cls(NodeProto(name=name, op_type=cls.__name__))
        kernel._values = values
        return kernel

    def values(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return {name: self.get_nodeattr(name) for name in self.get_nodeattr_types()}

    # ------------------------------------------------------------------ attributes

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return FINN's attributes and the two data types every kernel has."""
        return {
            **super().get_nodeattr_types(),
            "inputDataType": ("s", True, ""),
            "outputDataType": ("s", True, ""),
        }

    def get_nodeattr(self, name: str) -> Any:
        """Return an attribute."""
        return super().get_nodeattr(name) if self._values is None else self._values[name]

    def number(self, name: str) -> int:
        """Return an integer attribute."""
        return int(self.get_nodeattr(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return a list-of-integers attribute."""
        return tuple(int(value) for value in self.get_nodeattr(name))

    @abstractmethod
    def check(self) -> None:
        """Raise a UserError with the node, attribute and value if an attribute is illegal."""

    def require_divides(self, name: str, total: int, what: str) -> None:
        """Raise a UserError unless attribute ``name`` divides ``total``."""
        value = self.number(name)
        if value < 1 or total % value:
            raise UserError(f"{self.onnx_node.name}: {name} = {value} must divide {what} = {total}")

    def require_same_types(self) -> None:
        """Raise a UserError unless outputDataType is inputDataType."""
        before, after = self.get_nodeattr("inputDataType"), self.get_nodeattr("outputDataType")
        if before != after:
            raise UserError(
                f"{self.onnx_node.name}: outputDataType = {after} must be inputDataType = {before}"
            )

    def require_range(self, name: str, least: int, most: int) -> None:
        """Raise a UserError unless an integer attribute is in a range."""
        value = self.number(name)
        if not least <= value <= most:
            raise UserError(f"{self.onnx_node.name}: {name} = {value} must be {least} to {most}")

    def require_numbers(self, name: str, length: int, least: int) -> None:
        """Raise a UserError unless an attribute has ``length`` integers of at least ``least``."""
        values = self.numbers(name)
        if len(values) != length or min(values) < least:
            raise UserError(
                f"{self.onnx_node.name}: {name} = {list(values)} must be {length} integers, "
                f"each at least {least}"
            )

    def require_signed(self, name: str) -> None:
        """Raise a UserError unless a data type attribute is INT2 or wider."""
        datatype = DataType[self.get_nodeattr(name)]
        if not (datatype.is_integer() and datatype.min() < -1):
            raise UserError(
                f"{self.onnx_node.name}: {name} = {datatype.name} must be a signed integer"
            )

    def require_element(self, name: str) -> None:
        """Raise a UserError unless a data type attribute is one of those that streams carry."""
        datatype = DataType[self.get_nodeattr(name)]
        bits = int(datatype.bitwidth())
        integers = (f"INT{bits}", f"UINT{bits}") if 2 <= bits <= 32 else ()
        if datatype.name not in ("BIPOLAR", "BINARY", *integers):
            raise UserError(
                f"{self.onnx_node.name}: {name} = {datatype.name} must be BIPOLAR, INT2 to INT32 "
                "or UINT1 to UINT32"
            )

    def require_holds(self, name: str, least: int, most: int) -> None:
        """Raise a UserError unless a data type attribute holds all integers of a range."""
        datatype = DataType[self.get_nodeattr(name)]
        if datatype.name == "BIPOLAR" or not (datatype.allowed(least) and datatype.allowed(most)):
            raise UserError(
                f"{self.onnx_node.name}: {name} = {datatype.name} must hold {least} to {most}"
            )

    def require_vectors(self) -> None:
        """Raise a UserError unless numInputVectors fits an image or a dense layer."""
        vectors = self.numbers("numInputVectors")
        if len(vectors) not in (1, 3) or vectors[0] != 1 or min(vectors) < 1:
            raise UserError(
                f"{self.onnx_node.name}: numInputVectors = {list(vectors)} must be "
                "[1, rows, columns] or [1]"
            )

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every legal choice of this node's folding attributes."""
        yield {}

    def styles(self) -> Mapping[str, tuple[str, ...]]:
        """Return the attributes that choose how the op is built, and their possible values."""
        known = self.get_nodeattr_types()
        return {name: values for name, values in STYLES.items() if name in known}

    # ------------------------------------------------------------------ shapes and types

    def streams_in(self) -> int:
        """Return how many of the node's inputs are streams: the first ones."""
        return 1

    def streams_out(self) -> int:
        """Return how many outputs the node has; all are streams."""
        return 1

    @abstractmethod
    def lanes_in(self, ind: int = 0) -> int:
        """Return how many elements a beat of an input stream carries."""

    @abstractmethod
    def lanes_out(self, ind: int = 0) -> int:
        """Return how many elements a beat of an output stream carries."""

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:  # noqa: ARG002
        """Return the type of an input stream's elements."""
        return DataType[self.get_nodeattr("inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:  # noqa: ARG002
        """Return the type of an output stream's elements."""
        return DataType[self.get_nodeattr("outputDataType")]

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return an input's shape with its last axis split into beats and lanes."""
        return _folded(self.get_normal_input_shape(ind), self.lanes_in(ind))

    def get_folded_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return an output's shape with its last axis split into beats and lanes."""
        return _folded(self.get_normal_output_shape(ind), self.lanes_out(ind))

    def get_instream_width(self, ind: int = 0) -> int:
        """Return the bits of an input beat; 0 for constant parameters, which have no stream."""
        if ind >= self.streams_in():
            return 0
        return self.lanes_in(ind) * int(self.get_input_datatype(ind).bitwidth())

    def get_outstream_width(self, ind: int = 0) -> int:
        """Return the bits of an output beat."""
        return self.lanes_out(ind) * int(self.get_output_datatype(ind).bitwidth())

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        """Annotate the output tensors with this node's output types."""
        for ind, tensor in enumerate(self.onnx_node.output):
            model.set_tensor_datatype(tensor, self.get_output_datatype(ind))

    def verify_node(self) -> None:
        """Check the attributes (FINN's name for it)."""
        self.check()

    # ------------------------------------------------------------------ description

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the op's properties except its folding, for JSON: sizes, channels, types."""

    @abstractmethod
    def describe(self) -> str:
        """Return a short description: "3x3 convolution, 32 to 32 channels, 1 bit"."""

    def keeps_values(self, port: int = 0) -> bool:  # noqa: ARG002
        """Return whether an output is the first input, value for value."""
        return bool(self.plumbing)

    def is_conduit(self) -> bool:
        """Return whether the op's one output is its one input, value for value."""
        return self.streams_in() == self.streams_out() == 1 and self.keeps_values()

    def reach(self, pixels: Reach) -> Reach:
        """Return the last pixel of the input that each pixel of the output depends on.

        Args:
            pixels: of the output, counted row by row.
        """
        return pixels

    def reach_of_windows(self, pixels: Reach, stride: Sequence[int], last: Sequence[int]) -> Reach:
        """Return :meth:`reach` for windows.

        Args:
            pixels: of the output, counted row by row.
            stride: (down, right) from window to window, in pixels of the input.
            last: (row, column) of the first window's last pixel.
        """
        _, height, width, _ = self.get_normal_input_shape()
        columns = self.get_normal_output_shape()[2]
        y = np.clip(pixels // columns * stride[0] + last[0], 0, height - 1)
        x = np.clip(pixels % columns * stride[1] + last[1], 0, width - 1)
        found: Reach = y * width + x
        return found

    def parallel_windows_in(self) -> bool:
        """Return whether an input beat has all taps of a window."""
        return False

    def parallel_windows_out(self) -> bool:
        """Return whether an output beat has all taps of a window."""
        return False

    # ------------------------------------------------------------------ models

    @abstractmethod
    def compute(self, x: Ints, *parameters: Ints) -> Ints | tuple[Ints, ...]:
        """Return the op's exact result, a tuple if there are several output streams.

        Args:
            x: integers (±1 for BIPOLAR) of the normal input shape, with any batch size.
            parameters: the node's other inputs, in order; streams have the form of x.
        """

    @abstractmethod
    def latency(self) -> int:
        """Return the cycles from taking the last beat that a result depends on to the result."""

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move, cycle by cycle as in the RTL, if the reader is always ready.

        Most kernels take one beat of each input stream per cycle and make one of each output
        stream.

        Args:
            there: for each input stream, when its beats are available, over whole frames.
        """
        taken = in_turn(np.maximum.reduce(list(there)))
        return [taken] * len(there), [taken + self.latency()] * self.streams_out()

    def moves_into(self, there: Sequence[Times], reader: Reader) -> Moves:  # noqa: ARG002
        """Return when beats move if the reader is not always ready.

        Only kernels with :attr:`feeds_directly` need this; all others are followed by a FIFO.

        Args:
            there: for each input stream, when its beats are available, over whole frames.
            reader: returns when it takes beats that are available at given times.
        """
        return self.moves(there)

    def frames(self, times: Times) -> int:
        """Return how many frames the times of the first input stream cover."""
        return len(times) // prod(self.get_folded_input_shape()[:-1])

    def execute_node(self, context: dict[str, Any], graph: Any) -> None:
        """Run :meth:`compute` on the tensors of an ONNX execution context.

        With exec_mode "rtlsim" or "cppsim", the backend simulates the hardware instead.
        """
        if self.get_nodeattr("exec_mode"):
            super().execute_node(context, graph)
            return
        x, *parameters = (np.rint(context[name]).astype(np.int64) for name in self.onnx_node.input)
        for name, y in zip(self.onnx_node.output, self.results(x, *parameters), strict=True):
            context[name] = y.astype(np.float32)

    def results(self, x: Ints, *parameters: Ints) -> tuple[Ints, ...]:
        """Return the result of :meth:`compute`, always as a tuple."""
        y = self.compute(x, *parameters)
        return y if isinstance(y, tuple) else (y,)

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the number of flip-flops."""
        return 0

    # ------------------------------------------------------------------ constants

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:  # noqa: ARG002
        """Return the hardware's memories of constants, by their names there."""
        return {}


class RTLKernel(RTLBackend):  # type: ignore[misc]
    """The RTL side of a :class:`Kernel`: a wrapper around a module of ``rtl/``.

    The module has the ports clk, rst_n, in_data, in_valid, in_ready, out_data, out_valid and
    out_ready; if a side has several streams, in0_data, in1_data and so on. The wrapper, named after
    the node, gives the ports FINN's names, pads the data to whole bytes and sets the parameters;
    constants are in hex files next to it.
    """

    @property
    @abstractmethod
    def module(self) -> str:
        """The module to wrap."""

    @abstractmethod
    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:
        """Return the module's parameters; strings are written quoted."""

    def connections(self) -> dict[str, str]:
        """Return the wrapper's connection for each stream port of the module."""
        sides = (
            ("in", self.streams_in(), self.get_instream_width),
            ("out", self.streams_out(), self.get_outstream_width),
        )
        found = {}
        for side, streams, width in sides:
            for ind in range(streams):
                inside = side if streams == 1 else f"{side}{ind}"
                found[f"{inside}_data"] = f"{side}{ind}_V_TDATA[{width(ind) - 1}:0]"
                found[f"{inside}_valid"] = f"{side}{ind}_V_TVALID"
                found[f"{inside}_ready"] = f"{side}{ind}_V_TREADY"
        return found

    def memory_file(self, memory: str) -> str:
        """Return the name of the hex file with the words of a memory."""
        return f"{self.onnx_node.name}_{memory}.hex"

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the op's and FINN's RTL attributes."""
        return {**super().get_nodeattr_types(), "gen_top_module": ("s", False, "")}

    def generate_hdl(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:  # noqa: ARG002
        """Write the wrapper and the constants into code_gen_dir_ipgen."""
        name = self.onnx_node.name
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        for memory, (words, width) in self.constant_memories(model).items():
            (folder / self.memory_file(memory)).write_text(hex_words(words, width))
        (folder / f"{name}.sv").write_text(self._wrapper(model, fpgapart))
        self.set_nodeattr("gen_top_module", name)
        self.set_nodeattr("ipgen_path", str(folder))
        self.set_nodeattr("ip_path", str(folder))

    def get_rtl_file_list(self, abspath: bool = False) -> list[str]:
        """Return the SystemVerilog files of this node, the wrapper last."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        files = [*module_files(self.module), folder / f"{self.onnx_node.name}.sv"]
        return [str(file) if abspath else file.name for file in files]

    def get_data_file_list(self) -> list[str]:
        """Return the paths of the hex files that the modules read."""
        folder = Path(self.get_nodeattr("code_gen_dir_ipgen"))
        return [str(path) for path in sorted(folder.glob("*.hex"))]

    def code_generation_ipi(self) -> list[str]:
        """Return the Tcl that puts this node into a Vivado block design.

        A block design can't instantiate a SystemVerilog module (UG994), so a Verilog module is
        written around the node's.
        """
        name = self.onnx_node.name
        around = Path(self.get_nodeattr("code_gen_dir_ipgen")) / f"{name}_bd.v"
        around.write_text(self._block_design_module())
        files = [*self.get_rtl_file_list(abspath=True), *self.get_data_file_list(), str(around)]
        return [
            *(f"add_files -norecurse {{{file}}}" for file in files),
            f"create_bd_cell -type module -reference {name}_bd {name}",
        ]

    def _block_design_module(self) -> str:
        name, (clock, reset, *streams) = self.onnx_node.name, self._ports()
        busses = ":".join(dict.fromkeys(port.name.rpartition("_")[0] for port in streams))
        info = '(* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 ap_clk CLK" *)'
        about_clock = f"ASSOCIATED_BUSIF {busses}, ASSOCIATED_RESET {reset.name}"
        ports = [
            replace(clock, above=(info, f'(* X_INTERFACE_PARAMETER = "{about_clock}" *)')),
            replace(reset, above=('(* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)',)),
            *streams,
        ]
        return writer.module(
            f"{name}_bd",
            ports,
            writer.instance(name, "node", {port.name: port.name for port in ports}),
            [f"{name} as a block design refers to it. Generated."],
            net="wire",
        )

    def _ports(self) -> list[Port]:
        """Return the wrapper's ports: clock, reset and the streams."""
        ports = [Port("ap_clk", True), Port("ap_rst_n", True)]
        for ind in range(self.streams_in()):
            ports += writer.stream(f"in{ind}_V", self.get_instream_width_padded(ind), True)
        for ind in range(self.streams_out()):
            ports += writer.stream(f"out{ind}_V", self.get_outstream_width_padded(ind), False)
        return ports

    def _wrapper(self, model: ModelWrapper, fpgapart: str) -> str:
        name, parameters = self.onnx_node.name, self.rtl_parameters(model, fpgapart)
        padding, unused = [], []
        for ind in range(self.streams_in()):
            wide, narrow = self.get_instream_width_padded(ind), self.get_instream_width(ind)
            if wide > narrow:
                unused.append(f"in{ind}_V_TDATA[{wide - 1}:{narrow}]")
        for ind in range(self.streams_out()):
            wide, narrow = self.get_outstream_width_padded(ind), self.get_outstream_width(ind)
            if wide > narrow:
                padding.append(f"    assign out{ind}_V_TDATA[{wide - 1}:{narrow}] = '0;\n")
        if unused:
            joined = ", ".join(unused)
            padding.append(f"    logic unused;\n    assign unused = ^{{{joined}}};\n")
        kernel = writer.instance(
            self.module,
            "kernel",
            {"clk": "ap_clk", "rst_n": "ap_rst_n", **self.connections()},
            {key: _literal(value) for key, value in parameters.items()},
        )
        return writer.module(
            name,
            self._ports(),
            "\n".join([kernel, "".join(padding)]),
            [f"{name}: {self.module} with the parameters of this layer. Generated."],
            writer.KEEP_HIERARCHY,
        )


def element_kind(datatype: BaseDataType) -> int:
    """Return the module element_value's KIND of a stream's elements."""
    if datatype == DataType["BIPOLAR"]:
        return 2
    return 0 if datatype.signed() else 1


def divisors(total: int) -> list[int]:
    """Return the divisors of a number in ascending order."""
    return [value for value in range(1, total + 1) if total % value == 0]


def hex_words(words: Sequence[int], width: int) -> str:
    """Return the text of a ``$readmemh`` file: a word per line, two's complement."""
    digits = -(-width // 4)
    mask = (1 << width) - 1
    return "".join(f"{int(word) & mask:0{digits}x}\n" for word in words)


def pack(elements: Sequence[int], bits: int) -> int:
    """Return a word with element 0 in its least significant bits, each in two's complement."""
    mask = (1 << bits) - 1
    return sum((int(element) & mask) << (i * bits) for i, element in enumerate(elements))


def beats(x: Ints, lanes: int, datatype: BaseDataType) -> list[int]:
    """Return the stream of a tensor: its beats in order, as unsigned integers.

    Args:
        x: integers, ±1 for BIPOLAR; the last axis is a multiple of ``lanes``.
        lanes: elements per beat.
        datatype: of the elements.
    """
    values = (x > 0).astype(np.int64) if datatype == DataType["BIPOLAR"] else x
    bits = int(datatype.bitwidth())
    return [pack(row, bits) for row in values.reshape(-1, lanes).tolist()]


def _literal(value: Parameter) -> str:
    if isinstance(value, Constant):
        return f"{value.bits}'h{value.value:x}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _folded(shape: Sequence[int], lanes: int) -> tuple[int, ...]:
    *outer, last = (int(size) for size in shape)
    return (*outer, last // lanes, lanes)
