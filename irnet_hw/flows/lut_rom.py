"""Deep constants in LUTs, mapped to LUT6, MUXF7 and MUXF8 before Yosys sees them.

Each bit of 64 words is what a LUT6 holds, so there is nothing to be found out about it; yet ABC
takes minutes for a layer of them, and spends up to half as many LUTs again. The module that this
writes stands in for hls/lut_rom.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

#: Memories of more words are mapped here; the bits of shallower ones share LUTs with the logic that
#: uses them, which is ABC's to find.
SHALLOW = 32
_LUT_WORDS = 64
_BANK_WORDS = 256

_PRIMITIVES = """\
(* blackbox *)
module LUT6 #(
    parameter logic [63:0] INIT = '0
) (
    output logic O,
    input  logic I0, I1, I2, I3, I4, I5
);
endmodule

(* blackbox *)
module MUXF7 (output logic O, input logic I0, I1, S);
endmodule

(* blackbox *)
module MUXF8 (output logic O, input logic I0, I1, S);
endmodule
"""


def mapped(text: str, files: Mapping[str, Path]) -> str:
    """Return the text of a module lut_rom that has the deep ones of some memories in it.

    Args:
        text: hls/lut_rom's, which stays what the others are made of.
        files: the memories, in hexadecimal, a word a line, by the names that FILE may give.
    """
    memories = {name: path.read_text().split() for name, path in files.items()}
    deep = [(name, words) for name, words in memories.items() if len(words) > SHALLOW]
    if not deep:
        return text
    modules, branches = [], []
    for number, (name, words) in enumerate(deep):
        modules.append(_module(f"deep_rom_{number}", words))
        branches.append(
            f'if (FILE == "{name}") begin : deep_{number}\n'
            f"    logic [{4 * len(words[0]) - 1}:0] digits;\n"
            f"    deep_rom_{number} words (.address, .data(digits));\n"
            f"    assign data = digits[WIDTH-1:0];\n"
            f"end else "
        )
    ports = text[text.index(" #(") : text.index(");\n") + 3]
    return "\n".join(
        [
            text.replace("module lut_rom #(", "module shallow_rom #(", 1),
            _PRIMITIVES,
            *modules,
            f"module lut_rom{ports}{''.join(branches)}begin : shallow",
            "    shallow_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) words (.*);",
            "end\nendmodule\n",
        ]
    )


def _module(name: str, words: list[str]) -> str:
    """Return a module with a memory's words in it.

    LUTs hold 64 words, MUXF7 and MUXF8 select among four of them, and what is in LUTs again among
    banks of 256 words.
    """
    width, depth = 4 * len(words[0]), len(words)
    tables = _tables(words)
    lines = [
        f"module {name} (",
        f"    input  logic [{(depth - 1).bit_length() - 1}:0] address,",
        f"    output logic [{width - 1}:0] data",
        ");",
    ]
    for index, column in enumerate(tables):
        lines.append(f"logic [{width - 1}:0] lut_{index};")
        for bit, table in enumerate(column):
            inputs = ", ".join(f"address[{line}]" for line in range(6))
            place = f"lut_{index}[{bit}]"
            lines.append(f"LUT6 #(64'h{table:x}) lut_{index}_{bit} ({place}, {inputs});")
    banks = -(-depth // _BANK_WORDS)
    lines.append(f"logic [{width - 1}:0] banks[{banks}];")
    for bank in range(banks):
        luts = range(len(tables))[4 * bank : 4 * bank + 4]
        lines += _bank(f"banks[{bank}]", [f"lut_{index}" for index in luts], width)
    select = "0" if banks == 1 else f"address[{(depth - 1).bit_length() - 1}:8]"
    lines += [f"assign data = banks[{select}];", "endmodule\n"]
    return "\n".join(lines)


def _bank(target: str, luts: list[str], width: int) -> list[str]:
    """Return what selects among one to four LUTs for each bit."""
    if len(luts) == 1:
        return [f"assign {target} = {luts[0]};"]
    if len(luts) == 2:
        return [_muxes("MUXF7", target, (luts[0], luts[1]), 6, width)]
    low, high = (f"pair_{luts[at]}" for at in (0, 2))
    return [
        f"logic [{width - 1}:0] {low}, {high};",
        _muxes("MUXF7", low, (luts[0], luts[1]), 6, width),
        _muxes("MUXF7", high, (luts[2], luts[-1]), 6, width),
        _muxes("MUXF8", target, (low, high), 7, width),
    ]


def _muxes(kind: str, target: str, inputs: tuple[str, str], line: int, width: int) -> str:
    """Return the instances of a multiplexer, one a bit."""
    low, high = inputs
    name = f"{kind.lower()}_{low}"
    return f"{kind} {name}[{width - 1}:0] ({target}, {low}, {high}, address[{line}]);"


def _tables(words: list[str]) -> npt.NDArray[np.uint64]:
    """Return the contents of each bit's LUTs, the lowest bit first: (LUTs, bits)."""
    digits = np.array(
        [list(bytes.fromhex(word.zfill(len(word) + len(word) % 2))) for word in words], np.uint8
    )
    bits = np.unpackbits(digits[:, ::-1], axis=1, bitorder="little")[:, : 4 * len(words[0])]
    full = np.zeros((-(-len(words) // _LUT_WORDS) * _LUT_WORDS, bits.shape[1]), np.uint8)
    full[: len(words)] = bits
    packed = np.packbits(full.reshape(-1, _LUT_WORDS, bits.shape[1]), axis=1, bitorder="little")
    return np.ascontiguousarray(packed.swapaxes(1, 2)).view("<u8")[..., 0]
