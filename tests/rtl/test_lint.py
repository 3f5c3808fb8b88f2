"""Verilator -Wall and Yosys report nothing for any kernel, and errors name bad parameters."""

from pathlib import Path

import pytest

from irnet_hw.share import share
from irnet_hw.synthesise import yosys
from tests.lint import lint
from tests.rtl.designs import DESIGNS, made_for, sources
from tests.rtl.harness import PART
from tests.yosys import run_yosys


@pytest.mark.parametrize("name", DESIGNS)
def test_verilator_has_no_warnings(name, tmp_path):
    design = DESIGNS[name]()  # its sources exist as long as it does
    kernel = design.kernel
    top = kernel.onnx_node.name
    sources = kernel.get_rtl_file_list(abspath=True)
    run = lint(top, [share("rtl") / "lint.vlt", *sources], tmp_path)
    assert "%" not in run.stderr and run.returncode == 0, run.stderr


@pytest.mark.yosys
def test_yosys_has_no_warnings(tmp_path):
    """Unlike Verilator, it reports reads past the end of arrays in other generate blocks, bits
    with two drivers, and loops that don't end."""
    designs = made_for(PART)
    texts, names = sources(designs.values())
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    tops = [f"--top {design.kernel.onnx_node.name}" for design in designs.values()]
    status, said = run_yosys(
        tmp_path,
        f"{yosys.READ} --keep-hierarchy {' '.join([*tops, *names])}\nproc\ncheck -assert\n",
    )
    assert yosys.distrust(said, status) is None, said[-4000:]


#: Modules with their default parameters except these, and the expected error.
BAD = [
    ("add_streams", {"PE": 0}, "PE = 0, must be at least 1"),
    ("add_streams", {"SHIFT_A": -1}, "SHIFT_A = -1, SHIFT_B = 0, must be at least 0"),
    ("add_streams", {"SHIFT_B": -1}, "SHIFT_A = 0, SHIFT_B = -1, must be at least 0"),
    ("adder_tree", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("adder_tree", {"N": 1}, "N = 1, must be at least 2"),
    ("adder_tree", {"W": 0}, "W = 0, must be at least 1"),
    ("binary_mvau", {"SIMD": 4}, "SIMD = 4, must divide MW = 18"),
    ("binary_mvau", {"PE": 3}, "PE = 3, must divide MH = 4"),
    ("binary_mvau", {"ABSORB": 2}, "ABSORB = 2, must be 0, 1 or 3"),
    ("bit_max_pool", {"PE": 0}, "PE = 0, must be at least 1"),
    ("bit_max_pool", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    ("bit_max_pool", {"KH": 0}, "KH = 0, must be 1 to H_IN = 4"),
    ("bit_max_pool", {"KH": 5}, "KH = 5, must be 1 to H_IN = 4"),
    ("bit_max_pool", {"KW": 5}, "KW = 5, must be 1 to W_IN = 4"),
    ("bit_products", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("bit_products", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("bit_products", {"INVERT": 1}, "INVERT = 1, must be 0 with XNOR"),
    *(
        ("border_class", {name: 0}, "must be at least 1")
        for name in ("KH", "KW", "SH", "SW", "IH", "IW", "OH", "OW")
    ),
    ("border_class", {"PAD_H": -1}, "PAD_H = -1, PAD_W = 1, must be at least 0"),
    ("border_class", {"PAD_W": -1}, "PAD_H = 1, PAD_W = -1, must be at least 0"),
    ("border_class", {"CLASSES": 8}, "CLASSES = 8, must be 9"),
    ("concat_streams", {"W": 0}, "W = 0, must be at least 1"),
    ("concat_streams", {"STREAMS": 1}, "STREAMS = 1, must be at least 2"),
    ("concat_streams", {"WORDS": 1}, "WORDS[1] = 0, must be at least 1"),
    ("constant_popcount", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("constant_popcount", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("counter_7_3", {"WIDTH": 0}, "WIDTH = 0, must be at least 1"),
    ("double_products", {"INPUTS": 3}, "INPUTS = 3, must be 1 or 2"),
    ("double_products", {"IN_BITS": 9}, "IN_BITS = 9 and W_BITS = 8, must be 1 or more, and 16"),
    ("dyadic_lanes", {"PE": 0}, "PE = 0, must be at least 1"),
    ("dyadic_lanes", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    *(("dyadic_lanes", {name: 1}, f"{name} = 1, ") for name in ("IN_BITS", "M_BITS", "B_BITS")),
    ("dyadic_lanes", {"SUM_BITS": 17}, "SUM_BITS = 17, must be more than"),
    ("dyadic_lanes", {"B_BITS": 18}, "SUM_BITS = 18, must be more than"),
    ("dyadic_lanes", {"BLOCK_RAM": 1}, "BLOCK_RAM = 1, must be 0 with DSP = 0"),
    ("element_value", {"BITS": 0}, "BITS = 0, must be 1 to WIDTH = 9"),
    ("element_value", {"WIDTH": 7}, "BITS = 8, must be 1 to WIDTH = 7"),
    ("element_value", {"KIND": -1}, "KIND = -1, must be 0 to 2"),
    ("element_value", {"KIND": 3}, "KIND = 3, must be 0 to 2"),
    ("element_value", {"KIND": 2}, "BITS = 8, WIDTH = 9, must be 1 and at least 2"),
    ("element_value", {"KIND": 2, "BITS": 1, "WIDTH": 1}, "BITS = 1, WIDTH = 1, must be 1 and"),
    ("gearbox", {"IN": 0}, "IN = 0, OUT = 3, must be at least 1"),
    ("global_sum_pool", {"PE": 0}, "PE = 0, must be at least 1"),
    ("global_sum_pool", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    ("global_sum_pool", {"PIXELS": 0}, "PIXELS = 0, must be at least 1"),
    ("global_sum_pool", {"IN_BITS": 0}, "IN_BITS = 0, must be at least 1"),
    ("global_sum_pool", {"OUT_BITS": 9}, "OUT_BITS = 9, must be at least 10"),
    ("global_sum_pool", {"IN_KIND": 1}, "OUT_BITS = 10, must be at least 11"),
    (
        "global_sum_pool",
        {"IN_KIND": 2, "IN_BITS": 1, "OUT_BITS": 3},
        "OUT_BITS = 3, must be at least 4",
    ),
    ("int_mvau", {"SIMD": 0}, "SIMD = 0, must divide MW = 9"),
    ("int_mvau", {"SIMD": 4}, "SIMD = 4, must divide MW = 9"),
    ("int_mvau", {"PE": 3}, "PE = 3, must divide MH = 4"),
    ("int_mvau", {"W_BITS": 1}, "PLANES = 0, must be 1 for W_BITS = 1"),
    ("int_mvau", {"DOUBLE": 1, "PE": 1}, "DOUBLE = 1, must be 0 for PE = 1 and SIMD = 3"),
    ("int_mvau", {"DOUBLE": 1, "SIMD": 1}, "DOUBLE = 1, must be 0 for PE = 2 and SIMD = 1"),
    ("lane_products", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("lane_products", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("lane_products", {"DEPTH": 17}, "DEPTH = 17, must be 1 to 16"),
    ("lookup_table", {"PE": 0}, "PE = 0, must be 1 to 10000"),
    ("lookup_table", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    ("lookup_table", {"IN_BITS": 0}, "IN_BITS = 0, must be at least 1"),
    ("lookup_table", {"OUT_BITS": 0}, "OUT_BITS = 0, must be at least 1"),
    ("lut_rom", {"WIDTH": 0}, "WIDTH = 0, must be at least 1"),
    ("lut_rom", {"DEPTH": 0}, "DEPTH = 0, must be at least 1"),
    ("mvau_accumulate", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    (
        "mvau_accumulate",
        {"COMPARE": 1},
        "COMPARE = 1, must be 0 for BEATS = 2, PASSES = 1, 1 classes",
    ),
    ("mvau_accumulate", {"W": 0}, "W = 0, must be 1 to ACC_BITS = 8"),
    ("mvau_accumulate", {"W": 9}, "W = 9, must be 1 to ACC_BITS = 8"),
    ("mvau_accumulate", {"BEATS": 0}, "BEATS = 0, must be at least 1"),
    ("mvau_accumulate", {"PASSES": 0}, "PASSES = 0, must be at least 1"),
    ("mvau_accumulate", {"CLASSES": 0}, "CLASSES = 0, must be at least 1"),
    ("mvau_rom", {"WIDTH": 0}, "WIDTH = 0, must be at least 1"),
    ("mvau_rom", {"DEPTH": 0}, "DEPTH = 0, must be at least 1"),
    ("one_port_ram", {"WIDTH": 0}, "WIDTH = 0, must be at least 1"),
    ("one_port_ram", {"DEPTH": 1}, "DEPTH = 1, must be at least 2"),
    *(
        (module, parameters, message)
        for module in ("parallel_window", "sliding_window")
        for parameters, message in (
            ({"LANES": 0}, "LANES = 0, must be at least 1"),
            ({"BITS": 0}, "BITS = 0, must be at least 1"),
            ({"WORDS": 0}, "WORDS = 0, must be at least 1"),
            ({"KH": 0}, "KH = 0, KW = 3, must be at least 1"),
            ({"KW": 0}, "KH = 3, KW = 0, must be at least 1"),
            ({"SH": 0}, "SH = 0, SW = 1, must be at least 1"),
            ({"SW": 0}, "SH = 1, SW = 0, must be at least 1"),
            ({"TOP": -1}, "TOP = -1, LEFT = 1, must be at least 0"),
            ({"LEFT": -1}, "TOP = 1, LEFT = -1, must be at least 0"),
            ({"W_IN": 0}, "W_IN = 0, W_OUT = 4, must be at least 1"),
            ({"W_OUT": 0}, "W_IN = 4, W_OUT = 0, must be at least 1"),
            ({"H_IN": 0}, "H_OUT = 4, does not fit H_IN = 0"),
            ({"H_OUT": 0}, "H_OUT = 0, does not fit H_IN = 4"),
            ({"H_OUT": 0, "KH": 7, "ROWS": 8}, "H_OUT = 0, does not fit H_IN = 4"),
            ({"H_OUT": 2}, "H_OUT = 2, does not fit H_IN = 4"),
            ({"RAM_STYLE": '"ultra"'}, "must be distributed or block"),
        )
    ),
    ("parallel_window", {"LEFT": 6}, "LEFT = 6, must be below 6, where the last window ends"),
    ("parallel_window", {"ROWS": 2}, "ROWS = 2, must be at least 2 and KH = 3"),
    ("parallel_window", {"KH": 1, "TOP": 0, "ROWS": 1}, "ROWS = 1, must be at least 2"),
    ("sliding_window", {"ROWS": 3}, "ROWS = 3, must be at least KH + SH = 4"),
    ("plane_popcount", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("plane_popcount", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("plane_popcount", {"IN_BITS": 0}, "IN_BITS = 0, must be at least 1"),
    ("plane_popcount", {"W_BITS": 0}, "W_BITS = 0, must be at least 1"),
    ("popcount", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("popcount", {"N": 7}, "N = 7, must be the sum of HEIGHTS = 000000000006, at least 1"),
    ("register_slice", {"W": 0}, "W = 0, must be at least 1"),
    ("replay_buffer", {"W": 0}, "W = 0, must be at least 1"),
    ("replay_buffer", {"BEATS": 0}, "BEATS = 0, must be at least 1"),
    ("replay_buffer", {"PASSES": 0}, "PASSES = 0, must be at least 1"),
    *(
        (module, {"SHIFT": shift}, f"SHIFT = {shift}, must be 0 to SUM_BITS - 1 = 17")
        for module in ("requantise", "residual_join")
        for shift in (-1, 18)
    ),
    ("residual_join", {"SKIP_SHIFT": -1}, "SKIP_SHIFT = -1, must be at least 0"),
    ("saturate", {"IN": 0}, "IN = 0, must be at least 1"),
    ("saturate", {"OUT": 1}, "OUT = 1, must be at least 1 + SIGNED = 2"),
    ("saturate", {"OUT": 0, "SIGNED": 0}, "OUT = 0, must be at least 1 + SIGNED = 1"),
    ("saturate", {"SIGNED": -1}, "SIGNED = -1, must be 0 or 1"),
    ("saturate", {"SIGNED": 2}, "SIGNED = 2, must be 0 or 1"),
    ("stream_fifo", {"W": 0}, "W = 0, must be at least 1"),
    ("stream_fifo", {"DEPTH": 1}, "DEPTH = 1, must be at least 2"),
    ("stream_fifo", {"RAM_STYLE": '"ultra"'}, "must be distributed or block"),
    ("stream_fork", {"LANES": 0}, "LANES = 0, BITS = 8, must be at least 1"),
    ("stream_fork", {"BITS": 0}, "LANES = 1, BITS = 0, must be at least 1"),
    ("stream_fork", {"OUTPUTS": 0}, "OUTPUTS = 0, must be at least 1"),
    ("subsample_pad", {"W": 0}, "W = 0, must be at least 1"),
    ("subsample_pad", {"H_IN": 0}, "H_IN = 0, W_IN = 4, must be at least 1"),
    ("subsample_pad", {"W_IN": 0}, "H_IN = 4, W_IN = 0, must be at least 1"),
    ("subsample_pad", {"SH": 0}, "SH = 0, SW = 2, must be at least 1"),
    ("subsample_pad", {"SW": 0}, "SH = 2, SW = 0, must be at least 1"),
    *(
        ("subsample_pad", {name: value}, f"{name} = {value}, ")
        for name, value in (("BEFORE", -1), ("WORDS", 0), ("AFTER", -1))
    ),
    ("thresholds", {"PE": 0}, "PE = 0, must be 1 to 10000"),
    ("thresholds", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    ("thresholds", {"IN_BITS": 0}, "IN_BITS = 0, must be at least 1"),
    ("thresholds", {"STAGES": 0}, "STAGES = 0, must be 1 to 9"),
    ("table_popcount", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("table_popcount", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("table_popcount", {"GROUP": 9}, "GROUP = 9, must be at least 1 and leave room in 512 for 2"),
    ("thresholds", {"STAGES": 10}, "STAGES = 10, must be 1 to 9"),
    ("thresholds", {"OUT_BITS": 0}, "OUT_BITS = 0, must be at least 1"),
    ("thresholds", {"SCALE": -1}, "SCALE = -1, must be at least 0"),
    ("three_counts", {"ROWS": 0}, "ROWS = 0, must be at least 1"),
    ("three_counts", {"LANES": 0}, "LANES = 0, must be at least 1"),
    ("three_counts", {"DEPTH": 5}, "DEPTH = 5, must be 1 to 4"),
    ("width_converter", {"W": 0}, "W = 0, must be at least 1"),
    ("width_converter", {"IN": 0}, "IN = 0, OUT = 2, must be at least 1"),
    ("width_converter", {"OUT": 0}, "IN = 1, OUT = 0, must be at least 1"),
    ("window_pool", {"PE": 0}, "PE = 0, must be at least 1"),
    ("window_pool", {"WORDS": 0}, "WORDS = 0, must be at least 1"),
    ("window_pool", {"TAPS": 0}, "TAPS = 0, must be at least 1"),
    (
        "window_pool",
        {"MASK_FILE": '"x"', "IN_BITS": 1, "OUT_BITS": 1},
        "IN_BITS = 1, must be at least 2 for IN_KIND = 0",
    ),
    ("window_pool", {"MASK_FILE": '"x"'}, "OUT_BITS = 10, must be IN_BITS = 8 without sums"),
]


@pytest.mark.parametrize(("top", "parameters", "message"), BAD)
def test_a_bad_parameter_is_named(top, parameters, message, tmp_path):
    settings = [f"-G{name}={value}" for name, value in parameters.items()]
    run = lint(top, share("rtl").rglob("*.sv"), tmp_path, *settings)
    said = [line for line in run.stderr.splitlines() if f"{top}: " in line]
    assert any(message in line for line in said) and run.returncode != 0, run.stderr


def test_every_module_is_linted():
    linted = set()
    for design in DESIGNS.values():
        linted.update(Path(file).name for file in design().kernel.get_rtl_file_list())
    modules = {file.name for file in share("rtl").glob("*/*.sv") if file.parent.name != "shell"}
    assert modules - linted == set()


def test_each_file_is_one_module_of_its_name():
    for file in share("rtl").rglob("*.sv"):
        modules = [line for line in file.read_text().splitlines() if line.startswith("module ")]
        assert len(modules) == 1 and modules[0].split()[1] == file.stem
