import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels, PE, steps, input, output, bias and scale: one step in one beat and in several, a
# number of steps below, at and above a power of 2, every type, a number of beats other than a power
# of 2, and codes of all kinds.
CASES = {
    "signs": (6, 2, 1, "INT9", "BIPOLAR", -1, 2),
    "signs in one beat": (4, 4, 1, "UINT5", "BIPOLAR", -1, 2),
    "bits": (2, 1, 1, "UINT1", "UINT1", 0, 1),
    "three steps of signs": (8, 2, 3, "BIPOLAR", "UINT2", 0, 1),
    "two steps": (5, 1, 2, "INT4", "UINT2", 0, 1),
    "three steps": (10, 2, 3, "INT12", "INT2", -2, 1),
    "four steps": (6, 6, 4, "UINT8", "INT8", -100, 50),
    "15 steps": (3, 1, 15, "INT17", "UINT4", 0, 1),
    "wide": (4, 2, 7, "INT32", "INT6", -7, 3),
    "wide unsigned": (4, 2, 7, "UINT32", "UINT5", 3, 4),
    "255 steps": (2, 1, 255, "INT9", "UINT8", 0, 1),
    # Each lane and stage has a file, whose name ends in the lane's number.
    "over a thousand lanes": (2004, 1002, 2, "INT2", "UINT2", 0, 1),
}
SHAPE = (1, 2, 2)


def constants(rng, channels, steps, datatype):
    """Return T and a mixed mask; some thresholds repeat, some are always or never reached."""
    kind = DataType[datatype]
    low, high = int(kind.min()), int(kind.max())
    T = rng.integers(low, high + 1, (channels, steps))
    beyond = rng.choice([low - 5, low, high, high + 1, high + 9], T.shape)
    T = np.sort(np.where(rng.random(T.shape) < 0.3, beyond, T))
    T = np.where(rng.random(T.shape) < 0.2, np.roll(T, 1, axis=1), T)
    exact = np.sort(T).astype(np.float32).astype(np.int64)  # as the graph holds them
    return exact, np.arange(channels) % 2


def case(name, **changes):
    channels, pe, steps, before, after, bias, scale = CASES[name]
    T, mask = constants(np.random.default_rng(7), channels, steps, before)
    constant = {"T": (T, "INT48"), "mask": (mask, "BINARY"), **changes}
    attributes = {
        "NumChannels": channels,
        "numInputVectors": list(SHAPE),
        "PE": pe,
        "numSteps": steps,
        "outBias": bias,
        "outScale": scale,
        "inputDataType": before,
        "outputDataType": after,
    }
    return KernelUnderTest("Thresholds", attributes, constant)


@functools.cache
def thresholds(name):
    return case(name)


def frames(name, count, seed):
    """Return frames with about half of their elements near a threshold of their channel."""
    channels, _, _, before, *_ = CASES[name]
    rng = np.random.default_rng(seed)
    shape = (count, *SHAPE[1:], channels)
    T, _ = thresholds(name).parameters
    near = rng.permuted(np.resize(T.T, (int(np.prod(shape[:-1])), channels)), axis=0)
    kind = DataType[before]
    near = np.clip(near + rng.integers(-1, 2, near.shape), int(kind.min()), int(kind.max()))
    x = np.where(rng.random(shape) < 0.5, near.reshape(shape), random_tensor(rng, shape, before))
    return np.where(x > 0, 1, -1) if before == "BIPOLAR" else x


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    thresholds(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    thresholds(name).check_rate(frames(name, 20, 1))


def test_every_value_of_a_byte():
    kernel = KernelUnderTest(
        "Thresholds",
        {
            "NumChannels": 3,
            "PE": 3,
            "numSteps": 5,
            "inputDataType": "INT8",
            "outputDataType": "UINT3",
        },
        {
            "T": (
                np.array([[-129, -128, 0, 127, 128], [-3, -3, -3, 5, 5], [-2, 0, 2, 4, 6]]),
                "INT16",
            ),
            "mask": (np.array([0, 1, 1]), "BINARY"),
        },
    )
    kernel.stream(np.arange(-128, 128)[:, None].repeat(3, axis=1))


def test_thresholds_that_do_not_ascend_are_refused():
    T = np.array([[1, 2, 2], [5, 4, 6]]).repeat(5, axis=0)
    with pytest.raises(UserError) as error:
        case("three steps", T=(T, "INT4"))
    assert str(error.value) == "Thresholds_rtl_0: T must ascend in each row: row 5 is [5, 4, 6]"
