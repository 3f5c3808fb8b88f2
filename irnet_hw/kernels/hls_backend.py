"""The HLS side of the kernels: FINN's code generation around the templates of ``hls/``."""

import re
import shutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from finn.custom_op.fpgadataflow.hlsbackend import HLSBackend
from finn.util.basic import MAX_ALLOWED_AP_INT_W
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.share import share

#: The file with a node's constants, next to its C++ file.
CONSTANTS = "constants.hpp"
#: Wider literals are written as strings of hexadecimal digits.
LITERAL_BITS = 64
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


class HLSKernel(HLSBackend):  # type: ignore[misc]
    """The HLS side of a :class:`~irnet_hw.kernels.base.Kernel`: a call to a template in ``hls/``.

    The function's arguments are the kernel's input streams, its output streams, its memories and
    the number of frames. FINN uses this backend if a node's preferred_impl_style is "hls". It
    generates the block for Vitis HLS and the program for FINN's cppsim, in a folder with all
    headers that they need except those of Vitis and finn-hlslib, which FINN always includes.

    The stated cycles assume that the loops reach an initiation interval of 1; the stated area is
    that of the RTL.
    """

    #: The FPGA, which decides what kind of memory is cheaper; cppsim does not depend on it.
    _part = ""
    _constants: Sequence[str] = ()

    @property
    @abstractmethod
    def function(self) -> str:
        """The function template to call."""

    @property
    def headers(self) -> tuple[str, ...]:
        """The header files that it needs, relative to ``hls/``, its own one last."""
        return tuple(f"{name}.hpp" for name in _headers(self.function))

    @abstractmethod
    def hls_parameters(self, fpgapart: str) -> Mapping[str, int]:
        """Return the template's parameters in order."""

    def calls(self) -> int:
        """Return the value of the function's last argument for one frame."""
        return 1

    def widest(self) -> int:
        """Return the bits of the widest number that is not a beat of a stream."""
        return 1

    # ------------------------------------------------------------------ FINN's interface

    def get_ap_int_max_w(self) -> int:
        """Return the bits of the widest number.

        Raises:
            UserError: Vitis HLS does not support that many.
        """
        streams = [self.get_instream_width(ind) for ind in range(self.streams_in())]
        streams += [self.get_outstream_width(ind) for ind in range(self.streams_out())]
        bits = int(max(*streams, self.widest()))
        if bits > MAX_ALLOWED_AP_INT_W:
            raise UserError(
                f"{self.onnx_node.name}: a number of {bits} bits must have at most "
                f"{MAX_ALLOWED_AP_INT_W} for preferred_impl_style = hls"
            )
        return bits

    def code_generation_ipgen(self, model: ModelWrapper, fpgapart: str, clk: float) -> None:
        """Write the block's C++ and the Tcl with which Vitis HLS builds it."""
        self._part = fpgapart
        super().code_generation_ipgen(model, fpgapart, clk)

    def generate_params(
        self,
        model: ModelWrapper,
        path: str | Path,
        fpgapart: str | None = None,  # noqa: ARG002
    ) -> None:
        """Write the constants and the templates into a folder."""
        memories = self.constant_memories(model)
        self._constants = list(memories)
        text = f"// Constants of {self.onnx_node.name}. Generated.\n\n#include <ap_int.h>\n"
        for name, (words, bits) in memories.items():
            values = ",\n".join(f"    {_literal(word, bits)}" for word in words)
            text += f"\nstatic const ap_uint<{bits}> {name}[{len(words)}] = {{\n{values}\n}};\n"
        (Path(path) / CONSTANTS).write_text(text)
        for header in self.headers:
            shutil.copyfile(share("hls") / header, Path(path) / header)

    def global_includes(self) -> None:
        """Include the template and the constants."""
        files = (self.headers[-1], CONSTANTS)
        self.code_gen_dict["$GLOBALS$"] = [f'#include "{file}"' for file in files]

    def defines(self, var: str) -> None:
        """Define how much to process: one frame in cppsim, an endless stream in hardware."""
        if var == "cppsim":
            self.code_gen_dict["$DEFINES$"] = [f"#define COUNT {self.calls()}u"]
        else:
            self.code_gen_dict["$DEFINES$"] = [
                "// The block never rests: when these have come, it starts anew.",
                "#ifndef COUNT",
                "#define COUNT 4294967295u",
                "#endif",
            ]

    def docompute(self) -> None:
        """Call the template."""
        parameters = self.hls_parameters(self._part)
        last = list(parameters)[-1]
        self.code_gen_dict["$DOCOMPUTE$"] = [
            f"irnet::{self.function}<",
            *(
                f"    {value}{' ' if name == last else ','}  // {name}"
                for name, value in parameters.items()
            ),
            f">({', '.join([*self._streams(), *self._constants, 'COUNT'])});",
        ]

    def blackboxfunction(self) -> None:
        """Declare the block."""
        ports = ", ".join(
            f"hls::stream<ap_uint<{width}> > &{name}" for name, width in self._streams().items()
        )
        self.code_gen_dict["$BLACKBOXFUNCTION$"] = [f"void {self.onnx_node.name}({ports})"]

    def pragmas(self) -> None:
        """Make the streams AXI4-Streams of a block that starts by itself."""
        self.code_gen_dict["$PRAGMAS$"] = [
            *(f"#pragma HLS INTERFACE axis port={name}" for name in self._streams()),
            "#pragma HLS INTERFACE ap_ctrl_none port=return",
        ]

    def read_npy_data(self) -> None:
        """Read the input streams in cppsim, a beat's first element lowest."""
        folder = self.get_nodeattr("code_gen_dir_cppsim")
        self.code_gen_dict["$READNPYDATA$"] = [
            f"npy2apintstream<ap_uint<{self.get_instream_width(ind)}>, "
            f"{_element(self.get_input_datatype(ind))}, float>"
            f'("{folder}/input_{ind}.npy", in{ind}_V, false);'
            for ind in range(self.streams_in())
        ]

    def dataoutstrm(self) -> None:
        """Write the output streams in cppsim, a beat's first element lowest."""
        folder = self.get_nodeattr("code_gen_dir_cppsim")
        self.code_gen_dict["$DATAOUTSTREAM$"] = [
            f"apintstream2npy<ap_uint<{self.get_outstream_width(ind)}>, "
            f"{_element(self.get_output_datatype(ind))}, float>"
            f"(out{ind}_V, {{{', '.join(map(str, self.get_folded_output_shape(ind)))}}}, "
            f'"{folder}/output_{ind}.npy", false);'
            for ind in range(self.streams_out())
        ]

    def _streams(self) -> dict[str, int]:
        """Return the names of the streams, in the function's order, and their widths."""
        return {
            **{f"in{ind}_V": self.get_instream_width(ind) for ind in range(self.streams_in())},
            **{f"out{ind}_V": self.get_outstream_width(ind) for ind in range(self.streams_out())},
        }


def _headers(name: str) -> list[str]:
    """Return the names of a header and of those that it includes, the included ones first."""
    found: dict[str, None] = {}
    for included in _INCLUDE.findall((share("hls") / f"{name}.hpp").read_text()):
        found.update(dict.fromkeys(_headers(Path(included).stem)))
    return [*found, name]


def _element(datatype: BaseDataType) -> str:
    """Return the C++ type of an element in a beat; -1 and +1 are the bits 0 and 1."""
    bipolar = datatype == DataType["BIPOLAR"]
    return str((DataType["BINARY"] if bipolar else datatype).get_hls_datatype_str())


def _literal(word: int, bits: int) -> str:
    """Return a word of a memory as C++, in two's complement."""
    digits = f"{word & (1 << bits) - 1:x}"
    return f'ap_uint<{bits}>("{digits}", 16)' if bits > LITERAL_BITS else f"0x{digits}ull"
