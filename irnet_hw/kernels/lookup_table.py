"""LookupTable: any function of each element, as a table for each channel."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Memory, Parameter, RTLKernel
from irnet_hw.kernels.channelwise import Channelwise
from irnet_hw.kernels.logic import Logic, rom_luts
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.words import count

#: The most bits of an input and of an output.
INPUT_BITS, OUTPUT_BITS = 8, 20


@register
class LookupTable(Channelwise):
    """y = table[channel][x], with the entries of a table in the order of x, the least first.

    x (*numInputVectors, C) of n bits, table (numTables, 2**n) -> (*numInputVectors, C). A table for
    BIPOLAR has the entries of -1 and of 1.

    FINN has an op Lookup, for embeddings.

    Attributes:
        NumChannels: C, the last axis.
        numInputVectors: (1, H, W), or (1,).
        PE: channels per beat, on both streams; divides NumChannels.
        numTables: NumChannels, or 1 if all channels have the same table.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {**super().get_nodeattr_types(), "numTables": ("i", True, 0)}

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        name, tables = self.onnx_node.name, self.number("numTables")
        if tables not in (1, self.number("NumChannels")):
            raise UserError(
                f"{name}: numTables = {tables} must be 1 or NumChannels = "
                f"{self.number('NumChannels')}"
            )
        for attribute, most in (("inputDataType", INPUT_BITS), ("outputDataType", OUTPUT_BITS)):
            self.require_element(attribute)
            datatype = DataType[self.get_nodeattr(attribute)]
            if datatype.bitwidth() > most:
                raise UserError(
                    f"{name}: {attribute} = {datatype.name} must have at most {most} bits"
                )

    def facts(self) -> dict[str, Any]:
        """Return the channels, the tables and the types."""
        return {
            "channels": self.number("NumChannels"),
            "tables": self.number("numTables"),
            "input": self.get_nodeattr("inputDataType"),
            "output": self.get_nodeattr("outputDataType"),
        }

    def describe(self) -> str:
        """Return the tables, the channels and the types."""
        facts = self.facts()
        tables, channels = count(facts["tables"], "table"), count(facts["channels"], "channel")
        return f"{tables} for {channels}, {facts['input']} to {facts['output']}"

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of the stream (0) or of the tables (1)."""
        return (
            (self.number("numTables"), self.entries()) if ind else super().get_normal_input_shape()
        )

    def entries(self) -> int:
        """Return the entries of a table."""
        return 1 << int(self.get_input_datatype().bitwidth())

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the entries of x."""
        (table,) = parameters
        datatype = self.get_input_datatype()
        entry = x > 0 if datatype == DataType["BIPOLAR"] else x - int(datatype.min())
        channels = np.arange(self.number("NumChannels"))
        found: Ints = table[channels % len(table), entry.astype(np.int64)]
        return found

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def depth(self) -> int:
        """Return the words of a lane's memory."""
        return self.entries() * (1 if self.shared() else self.words())

    def shared(self) -> bool:
        """Return whether all channels have the same table."""
        return self.number("numTables") == 1

    def area(self) -> Logic:
        """Return the LUTs and flip-flops."""
        counter = 0 if self.shared() else (self.words() - 1).bit_length()
        bits = int(self.get_output_datatype().bitwidth())
        lane = Logic(rom_luts(bits, self.depth()), bits)
        return Logic(3 + 2 * counter, 1 + counter) + lane * self.number("PE")

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs."""
        return round(self.area().lut)

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops."""
        return round(self.area().ff)


@register
class LookupTable_rtl(LookupTable, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`LookupTable`."""

    module = "lookup_table"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the types and the names of the memories."""
        return {
            "PE": self.number("PE"),
            "WORDS": self.words(),
            "IN_BITS": int(self.get_input_datatype().bitwidth()),
            "IN_SIGNED": int(self.get_input_datatype().min() < -1),
            "OUT_BITS": int(self.get_output_datatype().bitwidth()),
            "SHARED": int(self.shared()),
            "TABLES": self.memory_file("tables").removesuffix(".hex"),
        }

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the shared table, or for each lane the tables of its channels."""
        table, datatype = self.constant(model, 1, "table"), self.get_output_datatype()
        wrong = [value for value in np.unique(table).tolist() if not datatype.allowed(value)]
        if wrong:
            raise UserError(
                f"{self.onnx_node.name}: table: {wrong[0]} must be a value of outputDataType = "
                f"{datatype.name}"
            )
        values = (table > 0).astype(np.int64) if datatype == DataType["BIPOLAR"] else table
        bits = int(datatype.bitwidth())
        if self.shared():
            return {"tables": (values[0].tolist(), bits)}
        pe = self.number("PE")
        return {
            f"tables_{lane:04}": (values[lane::pe].reshape(-1).tolist(), bits) for lane in range(pe)
        }
