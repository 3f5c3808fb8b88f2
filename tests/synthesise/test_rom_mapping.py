"""The modules that replace memories of constants in LUTs compute the same at every address."""

import json

import numpy as np
import pytest

from irnet_hw.kernels.logic import rom_luts
from irnet_hw.share import share
from irnet_hw.synthesise import rom_mapping
from irnet_hw.synthesise.yosys import READ, cells_area, modules_cells
from tests.yosys import run_yosys

#: Bits and words: one to four LUTs per bit, full and partial, and up to 17 banks.
SIZES = [(1, 33), (5, 64), (7, 65), (8, 100), (3, 128), (4, 129), (9, 192), (2, 200), (6, 256)]
SIZES += [(3, 257), (5, 400), (4, 512), (2, 1000)]
SIZES += [(1, 768), (1, 1025), (1, 1600), (1, 2048), (1, 2100), (1, 4200)]
PAIR = """
    logic [{last}:0] gold_{number}, gate_{number};
    logic [{high}:0] address_{number};
    assign address_{number} = address < {depth} ? address[{high}:0] : '0;
    gold_rom #(.WIDTH({width}), .DEPTH({depth}), .FILE("rom_{number}.hex")) its_gold_{number} (
        .address(address_{number}), .data(gold_{number})
    );
    lut_rom #(.WIDTH({width}), .DEPTH({depth}), .FILE("rom_{number}.hex")) its_gate_{number} (
        .address(address_{number}), .data(gate_{number})
    );
    assign different[{number}] = gold_{number} != gate_{number};
"""
INSTANCE = """
    registered_{number} one_{number} (
        .clk, .address(address[{high}:0]), .data(data[{width}*{number} +: {width}])
    );
"""


def original():
    return (share("rtl") / "mvau" / "lut_rom.sv").read_text()


def write_memories(folder, sizes):
    rng = np.random.default_rng(0)
    files = {}
    for number, (width, depth) in enumerate(sizes):
        words = rng.integers(0, 2**width, depth)
        files[f"rom_{number}.hex"] = path = folder / f"rom_{number}.hex"
        path.write_text("".join(f"{word:0{-(-width // 4)}x}\n" for word in words))
    return files


#: A memory between registers, in a module that stays separate.
REGISTERED = """
(* keep_hierarchy = "yes" *)
module registered_{number} (
    input logic clk, input logic [{high}:0] address, output logic [{last}:0] data
);
    logic [{high}:0] held;
    logic [{last}:0] word;
    lut_rom #(.WIDTH({width}), .DEPTH({depth}), .FILE("rom_{number}.hex")) rom (
        .address(held), .data(word)
    );
    always_ff @(posedge clk) begin
        held <= address;
        data <= word;
    end
endmodule
"""


def each(text, sizes):
    return "".join(
        text.format(
            number=number,
            width=width,
            depth=depth,
            last=width - 1,
            high=(depth - 1).bit_length() - 1,
        )
        for number, (width, depth) in enumerate(sizes)
    )


def proof(folder, sizes):
    """Write both memories of each size; return a script that proves that they are equal."""
    files = write_memories(folder, sizes)
    (folder / "lut_rom.sv").write_text(rom_mapping.mapped(original(), files))
    (folder / "gold_rom.sv").write_text(original().replace("module lut_rom", "module gold_rom"))
    (folder / "pairs.sv").write_text(
        f"module pairs (input logic [12:0] address, output logic [{len(sizes) - 1}:0] different);\n"
        f"{each(PAIR, sizes)}endmodule\n"
    )
    return (
        f"{READ} --keep-hierarchy --top pairs lut_rom.sv gold_rom.sv pairs.sv\n"
        "read_verilog +/xilinx/cells_sim.v\n"
        "hierarchy -top pairs\nproc\nflatten\nmemory\nopt -full\n"
        f"sat -verify -prove different {len(sizes)}'b0 pairs\n"
    )


def test_deep_memories_hold_their_words(tmp_path):
    status, said = run_yosys(tmp_path, proof(tmp_path, SIZES))
    assert status == 0, said[-4000:]


def test_the_proof_fails_for_another_word(tmp_path):
    script = proof(tmp_path, [(4, 100)])
    path = tmp_path / "rom_0.hex"
    words = path.read_text().split()
    words[99] = f"{int(words[99], 16) ^ 1:x}"
    path.write_text("\n".join(words))
    status, said = run_yosys(tmp_path, script)
    assert status != 0 and "proof did fail" in said


def test_shallow_memories_stay_as_they_are(tmp_path):
    files = write_memories(tmp_path, [(8, 32), (3, 1)])
    assert rom_mapping.mapped(original(), files) == original()


@pytest.mark.parametrize("depth", [64, 200, 256])
def test_the_area_model_counts_its_luts(tmp_path, depth):
    text = rom_mapping.mapped(original(), write_memories(tmp_path, [(8, depth)]))
    assert text.count("\nLUT6 #(") == rom_luts(8, depth)


def test_yosys_counts_what_the_area_model_does(tmp_path):
    sizes = [(8, 256 * banks - 20) for banks in (1, 2, 3, 4, 5, 7, 8, 9, 16, 17)]
    (tmp_path / "lut_rom.sv").write_text(
        rom_mapping.mapped(original(), write_memories(tmp_path, sizes))
    )
    (tmp_path / "registered.sv").write_text(
        f"{each(REGISTERED, sizes)}module side_by_side (\n    input logic clk, "
        f"input logic [12:0] address, output logic [{8 * len(sizes) - 1}:0] data\n);\n"
        f"{each(INSTANCE, sizes)}endmodule\n"
    )
    status, said = run_yosys(
        tmp_path,
        f"{READ} --keep-hierarchy --top side_by_side lut_rom.sv registered.sv\n"
        f"{rom_mapping.CLOSE}\n"
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top side_by_side\n"
        f"{rom_mapping.DISSOLVE}\n"
        "tee -q -o stat.json stat -json\n",
    )
    assert status == 0, said[-4000:]
    found = modules_cells(json.loads((tmp_path / "stat.json").read_text()))
    areas = [cells_area("", found[f"registered_{number}"]) for number in range(len(sizes))]
    assert [area["LUT"] for area in areas] == [rom_luts(*size) for size in sizes]


def test_bits_that_are_equal_or_never_change_take_no_luts(tmp_path):
    path = tmp_path / "rom.hex"
    path.write_text("".join(f"{0b0100 | 0b1001 * (word % 3 == 0):x}\n" for word in range(64)))
    text = rom_mapping.mapped(original(), {"rom.hex": path})
    assert text.count("\nLUT6 #(") == 1


#: Rows, lanes and words of weights. Odd rows are alone in a LUT6_2, or have two lanes in it.
ABSORBED = {
    "lane_products": [(2, 3, 16), (5, 2, 11), (3, 3, 8), (1, 4, 5), (1, 1, 2)],
    "three_counts": [(2, 4, 4), (1, 6, 3), (3, 5, 2)],
}
BOTH = """
    logic [{outputs}-1:0] gold_{number}, gate_{number};
    gold #(
        .ROWS({rows}), .LANES({lanes}), .DEPTH({depth}), .FILE("rom_{number}.hex")
    ) its_gold_{number} (
        address % {depth}, in_bits[{lanes}-1:0], {gold}
    );
    {name} #(
        .ROWS({rows}), .LANES({lanes}), .DEPTH({depth}), .FILE("rom_{number}.hex")
    ) its_gate_{number} (
        address % {depth}, in_bits[{lanes}-1:0], {gate}
    );
    assign different[{number}] = gold_{number} != gate_{number};
"""


def halves(name, wire, half):
    """Return the connections of a module's outputs to a wire of their bits together."""
    if name == "lane_products":
        return wire
    return f"{wire}[0+:{half}], {wire}[{half}+:{half}]"


def absorbed_proof(folder, name):
    """Write both modules for each size; return a script that proves that they are equal."""
    sizes = ABSORBED[name]
    files = write_memories(folder, [(rows * lanes, depth) for rows, lanes, depth in sizes])
    text = (share("rtl") / "mvau" / f"{name}.sv").read_text()
    lanes_text = (share("rtl") / "mvau" / "lane_products.sv").read_text()
    gold = text.replace(f"module {name}", "module gold").replace("lane_products #(", "inner #(")
    inner = lanes_text.replace("module lane_products", "module inner")
    (folder / "gold.sv").write_text(inner + gold)
    (folder / "gate.sv").write_text(rom_mapping.absorbed(text, files))
    body = ""
    for number, (rows, lanes, depth) in enumerate(sizes):
        half = rows * (lanes if name == "lane_products" else -(-lanes // 3))
        body += BOTH.format(
            number=number,
            name=name,
            rows=rows,
            lanes=lanes,
            depth=depth,
            outputs=half * (1 if name == "lane_products" else 2),
            gold=halves(name, f"gold_{number}", half),
            gate=halves(name, f"gate_{number}", half),
        )
    (folder / "both.sv").write_text(
        "module both (input logic [3:0] address, input logic [5:0] in_bits, "
        f"output logic [{len(sizes) - 1}:0] different);\n{body}endmodule\n"
    )
    return (
        f"{READ} -Wno-width-trunc -Wno-port-width-trunc --keep-hierarchy --top both "
        "gold.sv gate.sv both.sv\n"
        "read_verilog +/xilinx/cells_sim.v\n"
        "hierarchy -top both\nproc\nflatten\nmemory\nopt -full\n"
        f"sat -verify -prove different {len(sizes)}'b0 both\n"
    )


@pytest.mark.parametrize("name", ABSORBED)
def test_luts_with_weights_compute_the_same(name, tmp_path):
    status, said = run_yosys(tmp_path, absorbed_proof(tmp_path, name))
    assert status == 0, said[-4000:]


@pytest.mark.parametrize("name", ABSORBED)
def test_the_proof_fails_for_another_weight(name, tmp_path):
    script = absorbed_proof(tmp_path, name)
    path = tmp_path / "rom_1.hex"
    first, *words = path.read_text().split()
    path.write_text("\n".join([f"{int(first, 16) ^ 1:x}", *words]))
    status, said = run_yosys(tmp_path, script)
    assert status != 0 and "proof did fail" in said
