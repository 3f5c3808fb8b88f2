"""The HLS templates, in the blocks that FINN would have Vitis HLS build, on the RTL tests'
vectors."""

import functools
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.kernels.base import beats
from irnet_hw.kernels.mvau import activate
from irnet_hw.share import share
from tests.hls.c_simulation import (
    Block,
    CSimulation,
    compile_blocks,
    compile_program,
    run_block,
)
from tests.rtl import test_binary_mvau as mvau
from tests.rtl import test_bit_max_pool as pool
from tests.rtl import test_residual_join as join
from tests.rtl import test_sliding_window as window
from tests.rtl.harness import KernelUnderTest, random_tensor

SEEDS = st.integers(0, 2**32 - 1)
#: No shrinking of failing examples, which would be slow: each is compiled, or hangs.
PHASES = (Phase.explicit, Phase.generate)
COMPILED = settings(max_examples=2, phases=PHASES)
#: Windows with rows below the image, and windows with no column inside it.
BEYOND = {
    "rows below": ([1, 2], [1, 1], [0, 0, 3, 0], [2, 3], 2, 1, "INT4", 3),
    "columns beside": ([2, 1], [2, 3], [1, 1, 0, 2], [9, 1], 1, 1, "BIPOLAR", -1),
}
SERIAL, PARALLEL = window.CASES | BEYOND, window.IN_PARALLEL | BEYOND
#: HLS has no tables in block RAM.
LAYERS = {
    name: change for name, change in mvau.BORDERS.items() if change.get("ram_style") != "tables"
}


def _windows(case, parallel):
    test = window.window(*case, parallel_window=parallel)
    return test, lambda count, seed: window.frames(case, count, seed)


def _layer(layer):
    test, _ = mvau.build(layer, 1, seed=3)
    return test, lambda count, seed: mvau.windows(layer, count, np.random.default_rng(seed))


def _pool(case):
    test, _ = pool.random_pool(case, 1, seed=3)
    return test, lambda count, seed: pool.random_pool(case, count, seed)[1]


def _join(attributes, seed=3):
    rng, channels = np.random.default_rng(seed), attributes["NumChannels"]
    kinds = [attributes["inputDataType"], attributes["skipDataType"]]
    constants = {
        name: (random_tensor(rng, (channels,), f"INT{attributes[f'{name}Bits']}"), "INT32")
        for name in ("m", "b")
    }

    def frames(count, seed):
        rng = np.random.default_rng(seed)
        shape = (count, *attributes["numInputVectors"][1:], channels)
        return [random_tensor(rng, shape, kind) for kind in kinds]

    return KernelUnderTest("ResidualJoin", attributes, constants), frames


@functools.cache
def fixed():
    """Return the RTL tests' cases, compiled at once: each one's frames by its name."""
    cases = {
        **{f"window: {name}": _windows(case, 0) for name, case in SERIAL.items()},
        **{f"parallel: {name}": _windows(case, 1) for name, case in PARALLEL.items()},
        **{f"layer: {name}": _layer(mvau.CONVOLUTION | change) for name, change in LAYERS.items()},
        **{f"pool: {case}": _pool(case) for case in pool.CASES},
        **{
            f"join: {name}": (
                join.join(name),
                lambda count, seed, name=name: join.frames(name, count, seed),
            )
            for name in join.CASES
        },
    }
    return CSimulation([test for test, _ in cases.values()]), {
        name: (ind, frames) for ind, (name, (_, frames)) in enumerate(cases.items())
    }


NAMES = [
    *(f"window: {name}" for name in SERIAL),
    *(f"parallel: {name}" for name in PARALLEL),
    *(f"layer: {name}" for name in LAYERS),
    *(f"pool: {case}" for case in pool.CASES),
    *(f"join: {name}" for name in join.CASES),
]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=4, phases=PHASES)
@given(count=st.integers(1, 4), seed=SEEDS)
def test_equals_the_model_for_any_data(name, count, seed):
    simulation, cases = fixed()
    ind, frames = cases[name]
    simulation.stream(ind, frames(count, seed))


@pytest.mark.parametrize("gaps", [30, 80])
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("window", "par"))])
def test_windows_take_gaps(name, gaps):
    simulation, cases = fixed()
    ind, frames = cases[name]
    simulation.stream(ind, frames(3, gaps), gaps)


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_takes_the_stated_cycles(name):
    simulation, cases = fixed()
    ind, frames = cases[name]
    five, six = (simulation.stream(ind, frames(count, 1)) for count in (5, 6))
    assert six - five == simulation.tests[ind].kernel.get_exp_cycles()


def divided(draw, most):
    """Draw a number of lanes and a multiple of that."""
    lanes = draw(st.integers(1, 4))
    return lanes * draw(st.integers(1, most)), lanes


@st.composite
def pools(draw):
    size = [draw(st.integers(1, 3)) for _ in range(2)]
    image = [draw(st.integers(k, 7)) for k in size]
    return image, size, *divided(draw, 3)


@st.composite
def joins(draw):
    channels, pe = divided(draw, 3)
    bits = {name: draw(st.integers(2, 14)) for name in ("x", "skip", "y", "m", "b")}
    most = max(bits["x"] + bits["m"], bits["b"])
    return {
        "NumChannels": channels,
        "numInputVectors": draw(st.sampled_from([[1], [1, 2, 3]])),
        "PE": pe,
        "shift": draw(st.integers(0, most)),
        "mBits": bits["m"],
        "bBits": bits["b"],
        "skipDataType": f"INT{bits['skip']}",
        "skipShift": draw(st.integers(0, 9)),
        "inputDataType": f"INT{bits['x']}",
        "outputDataType": f"INT{bits['y']}",
    }


def several(strategy):
    return st.lists(strategy, min_size=4, max_size=4)


@COMPILED
@given(
    windows=several(window.drawn_cases()),
    layers=several(mvau.layers(("distributed", "block"))),
    pools=several(pools()),
    joins=several(joins()),
    seed=SEEDS,
)
def test_equals_the_model_for_any_parameters(windows, layers, pools, joins, seed):
    cases = [
        *(_windows(case, 0) for case in windows),
        *(_windows(case, 1) for case in windows if window.has_parallel(case)),
        *map(_layer, layers),
        *map(_pool, pools),
        *map(_join, joins),
    ]
    simulation = CSimulation([test for test, _ in cases])
    for ind, (_, frames) in enumerate(cases):
        simulation.stream(ind, frames(3, seed))


@st.composite
def levels(draw):
    """Draw channels, lanes, and the widths of accumulators and thresholds."""
    return *divided(draw, 3), draw(st.integers(2, 12)), draw(st.integers(2, 12))


def _threshold(folder, ind, case, thresholds, falling):
    """Write a block with a threshold for each channel."""
    channels, pe, bits, level_bits = case
    words = {
        "levels": (beats(thresholds, pe, DataType[f"INT{level_bits}"]), pe * level_bits),
        "falling": (beats(falling, pe, DataType["BINARY"]), pe),
    }
    constants = "".join(
        f"static const ap_uint<{width}> {name}[] = {{{', '.join(map(str, values))}}};\n"
        for name, (values, width) in words.items()
    )
    (folder / f"block{ind}.cpp").write_text(
        f"{constants}static void block(hls::stream<ap_uint<{pe * bits}> > &in, "
        f"hls::stream<ap_uint<{pe}> > &out) {{\n"
        f"    irnet::threshold<{pe}, {channels // pe}, {bits}, {level_bits}>"
        "(in, out, levels, falling, COUNT);\n}\n"
    )
    header = str(share("hls") / "threshold.hpp")
    return Block("block", f"block{ind}.cpp", [header], [pe * bits], [pe])


@COMPILED
@given(cases=several(levels()), seed=SEEDS)
def test_threshold_equals_the_comparison(cases, seed):
    rng = np.random.default_rng(seed)
    constants = [
        (random_tensor(rng, (case[0],), f"INT{case[3]}"), rng.integers(0, 2, case[0]))
        for case in cases
    ]
    with tempfile.TemporaryDirectory(prefix="threshold-") as scratch:
        folder = Path(scratch)
        blocks = [_threshold(folder, ind, case, *constants[ind]) for ind, case in enumerate(cases)]
        program = compile_blocks(folder, blocks)
    for ind, ((channels, pe, bits, _), (level, falling)) in enumerate(
        zip(cases, constants, strict=True)
    ):
        x = random_tensor(rng, (20, channels), f"INT{bits}")
        (found,), _ = run_block(program, ind, 20, [beats(x, pe, DataType[f"INT{bits}"])])
        # A falling threshold is a rising one of the negated value.
        y = np.where(falling == 1, activate(-x, -level), activate(x, level))
        assert found == beats(y, pe, DataType["BIPOLAR"])


# What each template says about illegal parameters.
REFUSED = {
    "binary_mvau: SIMD must divide MW": "binary_mvau<5, 2, 2, 1, 1, 4, {dense}, 0, 0>",
    "binary_mvau: PE must divide MH": "binary_mvau<4, 3, 2, 2, 1, 4, {dense}, 0, 0>",
    "binary_mvau: THRESHOLDS must be 0 or 1": "binary_mvau<4, 2, 2, 2, 2, 4, {dense}, 0, 0>",
    "binary_mvau: ACC_BITS must be at least 2": "binary_mvau<4, 2, 2, 2, 1, 1, {dense}, 0, 0>",
    "memory: BLOCK_RAM must be 0 or 1": "binary_mvau<4, 2, 2, 2, 1, 4, {dense}, 2, 0>",
    "border_class: CLASSES must be the runs down times the runs across": (
        "binary_mvau<9, 2, 1, 1, 1, 5, 3, 3, 1, 1, 1, 1, 4, 4, 4, 4, 8, 0, 0>"
    ),
    "bit_max_pool: KH must be 1 to H_IN": "bit_max_pool<1, 1, 4, 4, 5, 2>",
    "bit_max_pool: KW must be 1 to W_IN": "bit_max_pool<1, 1, 4, 4, 2, 5>",
    "sliding_window: H_OUT must fit H_IN": (
        "sliding_window<1, 1, 0, 1, 9, 4, 4, 4, 3, 3, 1, 1, 1, 1, 4, 0>"
    ),
    "sliding_window: ROWS must be at least KH + SH": (
        "sliding_window<1, 1, 0, 1, 4, 4, 4, 4, 3, 3, 1, 1, 1, 1, 3, 0>"
    ),
    "parallel_window: the last window must end right of LEFT": (
        "parallel_window<1, 1, 0, 1, 4, 1, 4, 1, 1, 2, 1, 3, 0, 2, 2, 0>"
    ),
    "parallel_window: ROWS must be at least 2 and KH": (
        "parallel_window<1, 1, 0, 1, 4, 4, 4, 4, 3, 3, 1, 1, 1, 1, 2, 0>"
    ),
    "residual_join: SHIFT must be 0 to SUM_BITS - 1": (
        "residual_join<1, 1, 4, 4, 4, 4, 9, 9, 0, 0, 4, 0>"
    ),
    "multiplier: DSP must be 0 or 1": "residual_join<1, 1, 4, 4, 4, 4, 9, 2, 2, 0, 4, 0>",
    "saturate: OUT must be at least 2": "residual_join<1, 1, 4, 1, 4, 4, 9, 2, 0, 0, 4, 0>",
}
DENSE = "1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1"


def test_wrong_parameters_are_refused(tmp_path):
    names = {call.partition("<")[0] for call in REFUSED.values()}
    includes = "".join(f'#include "{share("hls")}/{name}.hpp"\n' for name in sorted(names))
    calls = "".join(
        f"auto refused{ind} = &irnet::{call.format(dense=DENSE)};\n"
        for ind, call in enumerate(REFUSED.values())
    )
    (tmp_path / "refused.cpp").write_text(includes + calls)
    errors = compile_program(tmp_path, "refused.cpp", ["-fsyntax-only", "-fmax-errors=0"]).stderr
    said = re.findall(r"error: static assertion failed: (\w+: .*)", errors)
    assert sorted(set(said)) == sorted(REFUSED)
