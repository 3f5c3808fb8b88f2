"""Packed pixels: the driver and the accelerator together compute what the accelerator did alone."""

import re
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.artifact.names import MODEL
from irnet_hw.compiler.emission.reference import dataflow_run
from irnet_hw.compiler.packed_pixels import take_out
from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.runtime.frames import Frames
from irnet_hw.scratch import scratch
from tests.compiler.given import Given, pixels
from tests.compiler.passes import upto

RATE = 100_000.0


def graph_of(net):
    """The graph of hardware ops."""
    return upto(net.model(), Forks)


def beginning(shape, bits, each, seed):
    """A network's input with a quantizer of the pixels; ``each`` channel may have its own."""
    net = Given(*shape, seed=seed).op("Sub", 120.0)
    net.op("Mul", net.random.choice([-1.0, 1.0], shape[1]) / 64 if each else 1 / 64)
    if each:
        net.op("Add", net.random.normal(size=shape[1]))
    return net.sign() if bits == 1 else net.quant(bits, 1.0, signed=bits % 2)


@settings(max_examples=8)
@given(
    channels=st.integers(1, 3),
    sides=st.sampled_from([(), (5,), (8,), (4, 4), (5, 3)]),
    bits=st.integers(1, 4),
    each=st.booleans(),
    convolves=st.booleans(),
    fast=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_results_stay_the_same(channels, sides, bits, each, convolves, fast, seed):
    shape = (1, channels if sides else 7 * channels, *sides)
    net = beginning(shape, bits, each, seed)
    if sides and convolves:
        net.conv(3, 2).norm().sign()
    if sides:
        net.flatten()
    net.dense(4).norm().sign().dense(3)
    images = pixels(net.entry)
    with scratch("packed") as place:
        net.model().save(str(place / MODEL))
        for name, packed in (("plain", False), ("packed", True)):
            rate = None if fast else RATE
            built = build(place / MODEL, "pynq-z2", place / name, rate, packed_pixels=packed)
        plain, found = (dataflow_run(place / name, images)[-1] for name in ("plain", "packed"))
    assert np.array_equal(found, plain)
    values = prod(net.entry)
    width = built.input.bits // built.input.lanes
    assert width <= bits  # the compiler takes the narrowest type
    assert len(built.pixel_codes) == 1 or each
    # Frames are packed without waste, where their codes are whole bytes.
    least = -(-values * width // 8)
    assert Frames(built).bytes == least or values * width % 8


def test_codes_are_the_bits_of_the_elements():
    graph = graph_of(Given(1, 8).op("Sub", 128.0).op("Div", 100.0).quant(2, 1.0).dense(2))
    kinds = [node.op_type for node in graph.graph.node]
    (codes,) = take_out(graph)
    # Pixels are rounded to -1, 0 and 1, in two's complement 3, 0 and 1.
    assert re.fullmatch("3{78}0{101}1{77}", codes)
    assert [node.op_type for node in graph.graph.node] == kinds[1:]


def test_equal_channels_have_one_table():
    assert (
        len(
            take_out(
                graph_of(Given(1, 3, 4, 4).op("Sub", 9.5).sign().conv(2).sign().flatten().dense(2))
            )
        )
        == 1
    )


@pytest.mark.parametrize(
    ("net", "names"),
    [
        (Given(1, 8).op("Sub", 128.0).dense(4).sign().dense(2), ["IntMVAU_rtl_0"]),
        (Given(1, 8).op("Sub", 128.0).quant(5, 8.0).dense(2), ["INT5"]),
    ],
)
def test_refuses_a_network_without_a_function_of_few_bits(net, names, tmp_path):
    net.model().save(str(tmp_path / MODEL))
    with pytest.raises(UserError) as caught:
        build(tmp_path / MODEL, "pynq-z2", tmp_path / "built", RATE, packed_pixels=True)
    for name in ("packed-pixels: ", "1 to 4 bits", *names):
        assert name in str(caught.value)
    assert not (tmp_path / "built").exists()


def test_refuses_pixels_that_are_read_twice():
    net = Given(1, 2, 5, 5).op("Sub", 128.0)
    start = net.here
    net.sign().conv(4, 3, 1).norm().sign()
    other = net.here
    net.back(start).conv(4, 3, 1, bits=2).norm().sign().concat(other).flatten().dense(2)
    with pytest.raises(
        UserError, match="packed-pixels: the first that reads the pixels is StreamFork"
    ):
        take_out(graph_of(net))
