import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

INPUTS = ["UINT8", "UINT2", "UINT4", "INT2", "INT5", "INT8", "INT10", "BIPOLAR"]


@st.composite
def layers(draw):
    MW, MH = draw(st.sampled_from([1, 9, 12])), draw(st.sampled_from([1, 4]))
    parallel = int(MW == 12 and draw(st.booleans()))
    taps = 4 if parallel else 1
    return {
        "MW": MW,
        "MH": MH,
        "ConvKernelDim": [2, 2] if MW == 12 else [1, 1],
        "parallel_window": parallel,
        "SIMD": draw(st.sampled_from([n for n in range(taps, MW + 1, taps) if MW % n == 0])),
        "PE": draw(st.sampled_from([n for n in (1, 2, 4) if MH % n == 0])),
        "inputDataType": draw(st.sampled_from(INPUTS)),
        "weightDataType": draw(st.sampled_from(["BIPOLAR", "INT2", "INT3", "INT5", "INT8"])),
        "noActivation": draw(st.integers(0, 1)),
        "ram_style": draw(st.sampled_from(["distributed", "block"])),
    }


def build(layer, frames, seed, last=None, width=22):
    rng = np.random.default_rng(seed)
    x = random_tensor(rng, (frames, 2, 1, layer["MW"]), layer["inputDataType"])
    W = random_tensor(rng, (layer["MW"], layer["MH"]), layer["weightDataType"])
    if last is None:
        spread = 100 if layer["inputDataType"] == "BIPOLAR" else 10_000
        last = rng.integers(-spread, spread, layer["MH"])
    kernel = KernelUnderTest(
        "IntMVAU",
        {
            **layer,
            "numInputVectors": [1, 2, 1],
            "InputZeroPoint": 128 if layer["inputDataType"] == "UINT8" else 0,
            "outputDataType": f"INT{width}" if layer["noActivation"] else "BIPOLAR",
        },
        {"W": (W, layer["weightDataType"]), "last": (last, "INT32")},
    )
    return kernel, x


FIRST_LAYER = {
    "MW": 9,
    "MH": 4,
    "SIMD": 3,
    "PE": 2,
    "inputDataType": "UINT8",
    "weightDataType": "INT8",
    "noActivation": 0,
}


@settings(max_examples=6)
@given(
    layer=layers(),
    **IRREGULAR,
)
def test_any_layer_fold_gaps_and_stalls(layer, p_gap, p_stall, seed):
    kernel, x = build(layer, 4, seed)
    kernel.stream(x, p_gap, p_stall, seed)
    kernel.check_rate(x)


def test_one_lane_and_one_row():
    kernel, x = build(FIRST_LAYER | {"SIMD": 1, "PE": 1}, 4, seed=2)
    kernel.stream(x, 0.2, 0.2, seed=2)
    kernel.check_rate(x)


@pytest.mark.parametrize("weights", ["INT8", "BIPOLAR"])
def test_means_of_bytes(weights):
    wide = {"inputDataType": "INT17", "weightDataType": weights, "noActivation": 1}
    layer = FIRST_LAYER | wide
    kernel, x = build(layer, 4, seed=3, width=28)
    kernel.stream(x, 0.2, 0.2, seed=3)


def test_constants_in_block_ram():
    layer = FIRST_LAYER | {"MH": 450, "SIMD": 9, "PE": 1, "noActivation": 1}
    kernel, x = build(layer, 4, seed=2)
    assert kernel.kernel.inits_in_block_ram()
    kernel.stream(x, 0.2, 0.2, seed=2)
    kernel.check_rate(x)


@pytest.mark.parametrize("weights", ["BIPOLAR", "INT8"])
@pytest.mark.parametrize("datatype", ["UINT8", "UINT2", "INT10", "BIPOLAR"])
def test_extreme_thresholds(datatype, weights):
    most = 9 * 128 * (1 if datatype == "BIPOLAR" else 512)
    extremes = np.array([-(2**31), -most, most + 1, 2**31 - 1])
    kernel, x = build(
        FIRST_LAYER | {"inputDataType": datatype, "weightDataType": weights}, 3, 1, extremes
    )
    y = kernel.kernel.compute(x, *kernel.parameters)
    assert (y[..., :2] == 1).all()
    assert (y[..., 2:] == -1).all()
    kernel.stream(x)


@pytest.mark.parametrize(
    ("inputs", "weights", "SIMD"),
    [
        ("BIPOLAR", "BIPOLAR", 24),
        ("UINT2", "BIPOLAR", 4),
        ("INT4", "BIPOLAR", 1),
        ("BIPOLAR", "INT2", 24),
        ("UINT2", "INT2", 12),
        ("INT2", "INT3", 24),
        ("UINT4", "INT2", 24),
    ],
)
def test_extreme_products_of_bit_planes(inputs, weights, SIMD):
    layer = {
        "MW": 24,
        "MH": 8,
        "SIMD": SIMD,
        "PE": 8,
        "inputDataType": inputs,
        "weightDataType": weights,
        "noActivation": 1,
        "outputDataType": "INT12",
        "numInputVectors": [1, 2, 1],
    }
    ends = [[int(DataType[name].min()), int(DataType[name].max())] for name in (inputs, weights)]
    rng = np.random.default_rng(SIMD)
    W = rng.choice(ends[1], (24, 8))
    W[:, 0], W[:, 1] = ends[1]
    x = rng.choice(ends[0], (6, 2, 1, 24))
    x[0], x[1] = ends[0]
    kernel = KernelUnderTest("IntMVAU", layer, {"W": (W, weights)})
    assert kernel.kernel.in_planes()
    kernel.stream(x)


@pytest.mark.parametrize(("inputs", "plain"), [("UINT8", 1), ("INT8", 0)])
def test_extreme_products_of_two_rows_in_a_dsp_block(inputs, plain):
    layer = {
        "MW": 15,
        "MH": 8,
        "SIMD": 5,
        "PE": 4,
        "inputDataType": inputs,
        "weightDataType": "INT8",
        "noActivation": plain,
        "numInputVectors": [1, 2, 1],
        "outputDataType": "INT20" if plain else "BIPOLAR",
        "narrowWeights": 1,
        "dspStyle": "double",
    }
    rng = np.random.default_rng(plain)
    W = rng.integers(-127, 128, (15, 8))
    W[:, :4] = [-127, -127, 127, -127]
    x = random_tensor(rng, (10, 2, 1, 15), inputs)
    x[0], x[1] = int(DataType[inputs].min()), int(DataType[inputs].max())
    last = np.rint(rng.normal(0, 10_000, 8)).astype(np.int64)
    kernel = KernelUnderTest("IntMVAU", layer, {"W": (W, "INT8"), "last": (last, "INT32")})
    kernel.stream(x, 0.2, 0.2, seed=1)
    kernel.check_rate(x)


def test_weights_that_are_not_narrow_are_refused():
    double = {"narrowWeights": 1, "dspStyle": "double"}
    with pytest.raises(UserError) as error:
        KernelUnderTest(
            "IntMVAU",
            {**FIRST_LAYER, **double, "numInputVectors": [1], "outputDataType": "BIPOLAR"},
            {"W": (np.full((9, 4), -128), "INT8"), "last": (np.zeros(4, np.int64), "INT32")},
        )
    assert str(error.value).endswith("narrowWeights = 1 must be 0 for a weight of -128")


def test_an_accumulator_too_large_for_its_type_is_refused():
    layer = FIRST_LAYER | {"noActivation": 1, "PE": 4}
    W = np.full((9, 4), 127)
    with pytest.raises(UserError) as error:
        KernelUnderTest(
            "IntMVAU",
            {
                **layer,
                "numInputVectors": [1],
                "InputZeroPoint": 128,
                "outputDataType": "INT16",
            },
            {"W": (W, "INT8"), "B": (np.array([0, -5, 0, 7]), "INT32")},
        )
    assert str(error.value) == (
        "IntMVAU_rtl_0: outputDataType = INT16 can't hold an accumulator of "
        f"{-128 * 127 * 9 - 5} to {127 * 127 * 9 + 7}; it needs INT19"
    )
