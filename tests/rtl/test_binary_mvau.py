import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.kernels.windows import side_by_side, sliding_windows
from tests.rtl.harness import IRREGULAR, KernelUnderTest


def divisors(number):
    return [n for n in range(1, number + 1) if number % n == 0]


@st.composite
def layers(draw, styles=("distributed", "block", "tables")):
    """Draw a convolution or dense layer, folded, small enough to simulate in a second."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    layer = {
        "kernel": kernel,
        "stride": draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        "padding": draw(st.tuples(*[st.integers(0, 3)] * 4)),
        "image": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "channels": draw(st.integers(1, 6)),
        "MH": draw(st.sampled_from([1, 2, 6])),
        "ram_style": draw(st.sampled_from(styles)),
        "noActivation": draw(st.integers(0, 1)),
    }
    top, left, bottom, right = layer["padding"]
    assume(layer["image"][0] + top + bottom >= kernel[0])
    assume(layer["image"][1] + left + right >= kernel[1])
    taps, channels = kernel[0] * kernel[1], layer["channels"]
    layer["parallel"] = int(taps > 1 and draw(st.booleans()))
    if layer["parallel"]:
        layer["SIMD"] = taps * draw(st.sampled_from(divisors(channels)))
    else:
        layer["SIMD"] = draw(st.sampled_from(divisors(taps * channels)))
    layer["PE"] = draw(st.sampled_from([n for n in (1, 2, 3, 6) if layer["MH"] % n == 0]))
    return layer


def windows(layer, frames, rng):
    """Return the windows of random images."""
    image = rng.integers(0, 2, (frames, *layer["image"], layer["channels"])) * 2 - 1
    x = sliding_windows(image, layer["kernel"], layer["stride"], layer["padding"])
    if not layer["parallel"]:
        return x
    taps = x.shape[-1] // layer["channels"]
    return side_by_side(x, taps, layer["SIMD"] // taps)


def build(layer, frames, seed, last=None):
    """Return the kernel and its input windows.

    The last parameter is the thresholds, or the biases of accumulators. It defaults to values near
    the middle.
    """
    rng = np.random.default_rng(seed)
    x = windows(layer, frames, rng)
    MW, MH = x.shape[-1], layer["MH"]
    if last is None:
        last = np.rint(rng.normal(0, MW**0.5, MH)).astype(np.int64)
    plain = layer["noActivation"]
    parameters = {"W": (rng.integers(0, 2, (MW, MH)) * 2 - 1, "BIPOLAR"), "last": (last, "INT32")}
    bits = (MW + int(np.abs(last).max())).bit_length() + 1
    kernel = KernelUnderTest(
        "BinaryMVAU",
        {
            "MW": MW,
            "MH": MH,
            "SIMD": layer["SIMD"],
            "PE": layer["PE"],
            "numInputVectors": [1, *x.shape[1:3]],
            "noActivation": plain,
            "ConvKernelDim": layer["kernel"],
            "parallel_window": layer["parallel"],
            "Stride": layer["stride"],
            "Padding": layer["padding"],
            "IFMDim": layer["image"],
            "ram_style": layer["ram_style"],
            "inputDataType": "BIPOLAR",
            "outputDataType": f"INT{bits}" if plain else "BIPOLAR",
        },
        parameters,
    )
    return kernel, x


CONVOLUTION = {
    "kernel": (3, 3),
    "stride": (1, 1),
    "padding": (1, 1, 1, 1),
    "image": (4, 5),
    "channels": 4,
    "MH": 6,
    "ram_style": "auto",
    "noActivation": 0,
    "parallel": 0,
    "SIMD": 4,
    "PE": 3,
}

# How each differs from the default.
BORDERS = {
    "a beat within a tap": {},
    "a beat of several taps": {"SIMD": 12, "PE": 6},
    "lanes counted by threes": {"SIMD": 12, "MH": 16, "PE": 4},
    "a vector a cycle": {"SIMD": 36, "PE": 6, "parallel": 1},
    "parallel windows": {"SIMD": 18, "parallel": 1, "noActivation": 1},
    "taps cut by beats": {"channels": 6, "SIMD": 9, "PE": 2},
    "uneven padding": {"stride": (2, 2), "padding": (1, 0, 0, 1), "image": (5, 6)},
    "one lane and one row": {"MH": 2, "SIMD": 1, "PE": 1},
    "more padding than image": {"image": (1, 2), "padding": (2, 3, 2, 3)},
    "no padding": {"padding": (0, 0, 0, 0), "ram_style": "block"},
    "tables": {"ram_style": "tables", "SIMD": 12, "MH": 16, "PE": 8},
    "tables with a short group": {"ram_style": "tables", "SIMD": 36, "PE": 3, "parallel": 1},
    "tables of one lane": {"ram_style": "tables", "SIMD": 1, "MH": 12, "PE": 3},
    "tables of a constant word": {"ram_style": "tables", "SIMD": 36, "MH": 12, "PE": 12},
}


@settings(max_examples=8)
@given(
    layer=layers(),
    **IRREGULAR,
)
def test_any_layer_fold_gaps_and_stalls(layer, p_gap, p_stall, seed):
    kernel, x = build(layer, 4, seed)
    kernel.stream(x, p_gap, p_stall, seed)
    kernel.check_rate(x)


@pytest.mark.parametrize("change", BORDERS.values(), ids=BORDERS)
def test_borders(change):
    kernel, x = build(CONVOLUTION | change, 4, seed=3)
    kernel.stream(x, 0.2, 0.2, seed=3)
    kernel.check_rate(x)


def test_borders_with_constants_in_block_ram():
    kernel, x = build(CONVOLUTION | {"MH": 160, "SIMD": 36, "PE": 5}, 4, seed=3)
    assert kernel.kernel.inits_in_block_ram()
    kernel.stream(x, 0.2, 0.2, seed=3)
    kernel.check_rate(x)


def test_extreme_thresholds():
    extremes = np.array([-(2**31), -36, -35, 36, 37, 2**31 - 1])
    kernel, x = build(CONVOLUTION, 3, 5, extremes)
    y = kernel.kernel.compute(x, *kernel.parameters)
    assert (y[..., :2] == 1).all()
    assert (y[..., 4:] == -1).all()
    kernel.stream(x)


def test_a_constant_word_with_extreme_thresholds():
    layer = CONVOLUTION | {"SIMD": 36, "MH": 12, "PE": 12, "padding": (0, 0, 0, 0)}
    last = np.concatenate([[-(2**31), -36, -35, 36, 37, 2**31 - 1], np.arange(-3, 3)])
    kernel, x = build(layer, 8, 5, last)
    kernel.stream(x, 0.2, 0.2, seed=3)
    kernel.check_rate(x)


def test_wide_popcount():
    layer = CONVOLUTION | {"kernel": (1, 1), "padding": (0, 0, 0, 0), "image": (1, 1)}
    for ram_style in ("distributed", "block", "tables"):
        wide = layer | {"channels": 320, "SIMD": 160, "ram_style": ram_style, "noActivation": 1}
        kernel, x = build(wide, 40, seed=7)
        kernel.stream(x)
