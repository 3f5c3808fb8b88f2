"""Maps memories of constants to LUTs before Yosys reads them.

A LUT6 holds one bit of 64 words, so there is nothing to optimise; yet ABC takes minutes for a layer
of such memories and uses up to 50 % more LUTs. The module written here replaces rtl/mvau/lut_rom.

A LUT6_2 holds the weights of few words and compares them with activations. Yosys makes no LUT6_2 by
itself. The modules written here replace rtl/mvau/lane_products and rtl/mvau/three_counts.

ABC9 copies a cell's model for each value of its parameters, which for tens of thousands of LUTs
takes all available memory. So the modules with the LUTs stay black boxes until ABC9 is done.
"""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.synthesise import primitives

#: Memories with more words are mapped here. The bits of shallower ones can share LUTs with the
#: logic that uses them, which ABC finds.
SHALLOW = 32
#: Yosys commands that make the modules with the LUTs black boxes, and commands that flatten them.
CLOSE = "setattr -mod -set blackbox 1 deep_luts_*"
DISSOLVE = "setattr -mod -unset blackbox =deep_luts_*\nflatten\nopt_clean -purge"
_LUT_WORDS = 64
#: With these numbers of banks, or of groups of them, ABC maps the selection: it needs no more LUTs
#: than we would, and merges some of them with the logic that follows.
_LEFT_TO_ABC = (1, 2, 3, 5)
_BANK_WORDS = 256
#: The first address bit that selects a bank.
_BANK_LINE = 8
#: How many banks one stage of LUTs, MUXF7 and MUXF8 selects among, and with how many address bits.
_GROUP, _GROUP_LINES = 16, 4
#: The INIT of a LUT6 as a 4-to-1 multiplexer: the last two inputs select one of the first four.
_FOUR_TO_ONE = 0xFF00F0F0CCCCAAAA


def write(texts: Mapping[str, str], data: Mapping[str, Path], folder: Path) -> None:
    """Write a design's files for Yosys into a folder, with the deep memories mapped.

    Args:
        texts: the sources by file name.
        data: the hex files, by the names under which the sources read them.
        folder: where to write.
    """
    primitives.write(folder)
    for name, text in texts.items():
        (folder / name).write_text(_MAPPED[name](text, data) if name in _MAPPED else text)
    for name, path in data.items():
        shutil.copyfile(path, folder / name)


def mapping(sources: Collection[str]) -> str:
    """Return everything except the words that decides how a design's memories are mapped.

    Args:
        sources: the design's file names.
    """
    return Path(__file__).read_text() if _MAPPED.keys() & set(sources) else ""


def mapped(text: str, files: Mapping[str, Path]) -> str:
    """Return the text of a module lut_rom that contains the deep memories.

    Args:
        text: the original lut_rom, which the shallow memories still use.
        files: the memories in hexadecimal, one word per line, by the values that FILE may have.
    """
    memories = {name: path.read_text().split() for name, path in files.items()}
    deep = [(name, words) for name, words in memories.items() if len(words) > SHALLOW]
    if not deep:
        return text
    modules, branches = [], []
    for number, (name, words) in enumerate(deep):
        modules.append(_modules(number, words))
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
            *modules,
            f"module lut_rom{ports}{''.join(branches)}begin : shallow",
            "    shallow_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) words (.*);",
            "end\nendmodule\n",
        ]
    )


def absorbed(text: str, files: Mapping[str, Path]) -> str:
    """Return the text of a module lane_products or three_counts that is made of LUT6_2.

    Args:
        text: the original, whose name, parameters and ports stay.
        files: the memories in hexadecimal, one word per line, by the values that FILE may have.
    """
    name = text[text.index("\nmodule ") + 8 : text.index(" #(")]
    ports = text[text.index(" #(") : text.index(");\n") + 3]
    branches = []
    for number, (file, path) in enumerate(files.items()):
        words = path.read_text().split()
        if len(words) > _ABSORBED_WORDS[name]:
            continue
        bits = 4 * len(words[0])
        contents = ", ".join(f"{bits}'h{word}" for word in reversed(words))
        branches.append(
            f'if (FILE == "{file}") begin : file_{number}\n'
            f"    {name}_luts #(\n"
            "        .ROWS(ROWS), .LANES(LANES), .DEPTH(DEPTH), "
            f".BITS({bits}), .WORDS({{{contents}}})\n"
            "    ) luts (.*);\n"
            "end"
        )
    inside = ports.replace(
        'FILE  = ""', "int BITS = 4, parameter logic [DEPTH*BITS-1:0] WORDS = '0"
    )
    return "\n".join(
        [
            f"module {name}_luts{inside}{_LUTS[name]}endmodule\n",
            f"module {name}{ports}{' else '.join(branches)}",
            "endmodule\n",
        ]
    )


def _modules(number: int, words: list[str]) -> str:
    """Return a module with a memory's words, and the module with its LUTs.

    A LUT holds 64 words; MUXF7 and MUXF8 join four LUTs into a bank of 256 words. If there are many
    banks, further LUTs, MUXF7 and MUXF8 select among groups of them; ABC maps the selection among
    the last few. Bits that are constant, or equal to another bit, take no LUTs.
    """
    bits, depth = _bits(words), len(words)
    high = (depth - 1).bit_length() - 1
    columns = {bit.tobytes(): bit for bit in bits if bit.any() and not bit.all()}
    places = {column: place for place, column in enumerate(columns)}
    width = max(len(columns), 1)
    banks, line = -(-depth // _BANK_WORDS), _BANK_LINE
    names = _names(banks, line)
    luts = _luts(list(columns.values()), -(-depth // _LUT_WORDS), names, width)
    while banks not in _LEFT_TO_ABC:
        luts = [*(f"logic [{width - 1}:0] {name};" for name in names), *luts]
        groups = [names[at : at + _GROUP] for at in range(0, banks, _GROUP)]
        banks = len(groups)
        names = _names(banks, line + _GROUP_LINES)
        for index, (name, group) in enumerate(zip(names, groups, strict=True)):
            luts += _group(name, group, f"{line}_{index}", line, width)
        line += _GROUP_LINES
    outer = [
        f"module deep_rom_{number} (",
        f"    input  logic [{high}:0] address,",
        f"    output logic [{len(bits) - 1}:0] data",
        ");",
        f"logic [{width - 1}:0] banks[{banks}];",
        f"logic [{width - 1}:0] columns;",
        f"deep_luts_{number} luts (.address, .banks);",
        f"assign columns = banks[{'0' if banks == 1 else f'address[{high}:{line}]'}];",
    ]
    for bit, column in enumerate(bits):
        place = places.get(column.tobytes())
        value = f"1'b{column[0]}" if place is None else f"columns[{place}]"
        outer.append(f"assign data[{bit}] = {value};")
    inner = [
        f"module deep_luts_{number} (",
        f"    input  logic [{high}:0] address,",
        f"    output logic [{width - 1}:0] banks[{banks}]",
        ");",
        *luts,
    ]
    return "\n".join([*inner, "endmodule\n", *outer, "endmodule\n"])


def _names(banks: int, line: int) -> list[str]:
    """Return the names of the banks, or groups of them, that address bits from ``line`` on select.

    Those that ABC selects among are outputs of the module.
    """
    leave = banks in _LEFT_TO_ABC
    return [f"banks[{bank}]" if leave else f"banks_{line}_{bank}" for bank in range(banks)]


def _luts(
    columns: list[npt.NDArray[np.uint8]], luts: int, banks: list[str], width: int
) -> list[str]:
    """Return the LUTs of each bit, and the multiplexers that join them into banks."""
    lines = [f"logic [{width - 1}:0] lut_{lut};" for lut in range(luts)]
    for place, column in enumerate(columns):
        for lut, table in enumerate(_tables(column)):
            inputs = ", ".join(f"address[{line}]" for line in range(6))
            instance = f"lut_{lut}_{place} (lut_{lut}[{place}], {inputs})"
            lines.append(f"LUT6 #(64'h{table:x}) {instance};")
    for bank, target in enumerate(banks):
        names = [f"lut_{lut}" for lut in range(luts)[4 * bank : 4 * bank + 4]]
        lines += _joined(target, names, 6, width)
    return lines


def _group(target: str, banks: list[str], name: str, line: int, width: int) -> list[str]:
    """Return the logic that selects among one to 16 banks for each bit: a LUT per four banks.

    MUXF7 and MUXF8 take their inputs from LUTs only, so a single bank left over gets a LUT, too.

    Args:
        target: the name of the result.
        banks: the names of the banks, or of the groups below.
        name: the group's unique name.
        line: the first address bit that selects.
        width: bits per word.
    """
    if len(banks) == 1:
        return [f"assign {target} = {banks[0]};"]
    lines, fours = [], [banks[at : at + 4] for at in range(0, len(banks), 4)]
    luts = [f"four_{name}_{number}" for number in range(len(fours))]
    for lut, four in zip(luts, fours, strict=True):
        inputs = ", ".join([*four, *four[-1:] * (4 - len(four))])
        lines += [
            f"logic [{width - 1}:0] {lut};",
            f"LUT6 #(64'h{_FOUR_TO_ONE:x}) lut_{lut}[{width - 1}:0] "
            f"({lut}, {inputs}, address[{line}], address[{line + 1}]);",
        ]
    return lines + _joined(target, luts, line + 2, width)


def _joined(target: str, luts: list[str], line: int, width: int) -> list[str]:
    """Return what selects among one to four LUTs for each bit, by address bits from ``line`` on."""
    if len(luts) == 1:
        return [f"assign {target} = {luts[0]};"]
    if len(luts) == 2:
        return [_muxes("MUXF7", target, (luts[0], luts[1]), line, width)]
    low, high = (f"pair_{luts[at]}" for at in (0, 2))
    return [
        f"logic [{width - 1}:0] {low}, {high};",
        _muxes("MUXF7", low, (luts[0], luts[1]), line, width),
        _muxes("MUXF7", high, (luts[2], luts[-1]), line, width),
        _muxes("MUXF8", target, (low, high), line + 1, width),
    ]


def _muxes(kind: str, target: str, inputs: tuple[str, str], line: int, width: int) -> str:
    """Return the instances of a multiplexer, one per bit."""
    low, high = inputs
    name = f"{kind.lower()}_{low}"
    return f"{kind} {name}[{width - 1}:0] ({target}, {low}, {high}, address[{line}]);"


def _bits(words: list[str]) -> npt.NDArray[np.uint8]:
    """Return each bit of all words, lowest bit first: (bits, words)."""
    digits = len(words[0])
    numbers = np.array([list(bytes.fromhex(word.zfill(digits + digits % 2))) for word in words])
    low_first = numbers[:, ::-1].astype(np.uint8)
    return np.unpackbits(low_first, axis=1, bitorder="little")[:, : 4 * digits].T


def _tables(column: npt.NDArray[np.uint8]) -> list[int]:
    """Return the contents of a bit's LUTs."""
    packed = np.packbits(column, bitorder="little").tobytes()
    step = _LUT_WORDS // 8
    return [
        int.from_bytes(packed[start : start + step], "little")
        for start in range(0, len(packed), step)
    ]


#: The LUTs of the modules that :func:`absorbed` writes. WORDS has BITS bits for each word.
_LUTS = {
    # I0 is a lane's bit, or those of two lanes are I0 and I4; the others are the address.
    "lane_products": """\
    function automatic logic product(input int word, input int lane, input int row, input logic b);
        return (word < DEPTH) ? WORDS[word*BITS+lane*ROWS+row] ~^ b : 1'b0;
    endfunction
    function automatic logic [31:0] one(input int lane, input int row, input logic second);
        for (int i = 0; i < 32; i++)
            one[i] = product((i >> 1) % ((DEPTH > 8) ? 16 : 8), lane, row, second ? i[4] : i[0]);
    endfunction
    logic [3:0] word;
    assign word = 4'(address);
    for (genvar l = 0; l < LANES; l++) begin : lane
        for (genvar r = 0; r + 1 < ROWS; r += 2) begin : rows
            LUT6_2 #(.INIT({one(l, r + 1, 1'b0), one(l, r, 1'b0)})) two (
                .O6(products[l][r+1]), .O5(products[l][r]), .I0(in_bits[l]),
                .I1(word[0]), .I2(word[1]), .I3(word[2]), .I4(word[3]), .I5(1'b1)
            );
        end
        if (ROWS % 2 == 1) begin : last_row
            if (DEPTH > 8 || (l % 2 == 0 && l == LANES - 1)) begin : alone
                LUT6_2 #(.INIT({2{one(l, ROWS - 1, 1'b0)}})) row (
                    .O6(products[l][ROWS-1]), .O5(), .I0(in_bits[l]),
                    .I1(word[0]), .I2(word[1]), .I3(word[2]), .I4(word[3]), .I5(1'b1)
                );
            end else if (l % 2 == 0) begin : lanes
                LUT6_2 #(.INIT({one(l + 1, ROWS - 1, 1'b1), one(l, ROWS - 1, 1'b0)})) two (
                    .O6(products[l+1][ROWS-1]), .O5(products[l][ROWS-1]), .I0(in_bits[l]),
                    .I1(word[0]), .I2(word[1]), .I3(word[2]), .I4(in_bits[l+1]), .I5(1'b1)
                );
            end
        end
    end
""",
    # I0 to I2 are the lanes' bits, I3 and I4 the address.
    "three_counts": """\
    function automatic logic [31:0] one(input int three, input int row, input bit twos);
        logic [2:0] products;
        int word;
        for (int i = 0; i < 32; i++) begin
            word = i >> 3;
            products = '0;
            for (int l = 0; l < 3; l++)
                if (word < DEPTH && 3 * three + l < LANES)
                    products[l] = WORDS[word*BITS+(3*three+l)*ROWS+row] ~^ i[l];
            one[i] = twos ? $countones(products) > 1 : ^products;
        end
    endfunction
    logic [1:0] word;
    logic [3*THREES-1:0] bits;
    assign word = 2'(address);
    assign bits = (3*THREES)'(in_bits);
    for (genvar g = 0; g < THREES; g++) begin : three
        for (genvar r = 0; r < ROWS; r++) begin : row
            LUT6_2 #(.INIT({one(g, r, 1'b0), one(g, r, 1'b1)})) count (
                .O6(ones[g][r]), .O5(twos[g][r]), .I0(bits[3*g]), .I1(bits[3*g+1]),
                .I2(bits[3*g+2]), .I3(word[0]), .I4(word[1]), .I5(1'b1)
            );
        end
    end
""",
}
#: The most words that fit these LUTs.
_ABSORBED_WORDS = {"lane_products": 16, "three_counts": 4}
#: The sources that are replaced, and what writes them anew.
_MAPPED = {"lut_rom.sv": mapped, "lane_products.sv": absorbed, "three_counts.sv": absorbed}
