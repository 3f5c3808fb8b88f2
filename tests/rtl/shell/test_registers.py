"""The register map in Python and the one in SystemVerilog are the same."""

import re

from irnet_hw.runtime import registers
from irnet_hw.runtime.registers import Register
from irnet_hw.share import share


def test_offsets_are_the_same():
    text = (share("rtl") / "shell" / "control_registers.sv").read_text()
    found = re.findall(r"localparam logic \[9:0\] (\w+) *= 10'h(\w+) / 10'd4;", text)
    offsets = {name.removesuffix("_AT"): int(digits, 16) for name, digits in found}
    assert offsets.pop("WORDS") == registers.END
    assert offsets == {register.name: register.value for register in Register}


def test_queued_is_in_status():
    assert registers.queued(0x0402) == 4
