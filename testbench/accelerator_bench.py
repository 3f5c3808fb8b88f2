"""cocotb test of this accelerator: golden images in, and every logit compared bit for bit.

golden.npz holds the images, their frames (the bytes that the input stream carries) and the
network's logits: what the output stream carries, before the manifest's `tail`. ../manifest.json
holds the formats of the streams.
Both streams pause at random. The environment variable COCOTB_RANDOM_SEED sets the seed; without it,
the seed differs in each run.
"""

import json
import logging
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, SimTimeoutError, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

HERE = Path(__file__).resolve().parent
MANIFEST = json.loads((HERE.parent / "manifest.json").read_text())
PERIOD = 2  # steps of the simulator
SEED = cocotb.RANDOM_SEED
REPEAT = f"repeat with COCOTB_RANDOM_SEED={SEED}"
#: An image that takes this many times as long as without pauses is considered lost.
PATIENCE = 30


@cocotb.test()
async def golden_vectors(dut):
    golden = np.load(HERE / "golden.npz")
    frames, expected = golden["frames"], golden["logits"]
    source = endpoint(AxiStreamSource, dut, "in0_V")
    sink = endpoint(AxiStreamSink, dut, "out0_V")
    Clock(dut.ap_clk, PERIOD, unit="step").start()
    dut.ap_rst_n.value = 0
    await ClockCycles(dut.ap_clk, 4)
    dut.ap_rst_n.value = 1

    await source.write(frames.tobytes())
    found = np.stack([await logits(sink, number) for number in range(len(frames))])

    wrong = np.argwhere(found != expected)
    assert not wrong.size, (
        f"{len(wrong)} of {found.size} logits differ, the first in image {wrong[0][0]}: "
        f"{found[tuple(wrong[0])]} at {wrong[0][1:].tolist()}, must be "
        f"{expected[tuple(wrong[0])]}; {REPEAT}"
    )
    await ClockCycles(dut.ap_clk, 2 * MANIFEST["latency_cycles"])
    assert sink.empty(), f"beats on out0_V after the last image's; {REPEAT}"
    dut._log.info("%d logits of %d images are equal, seed %d", found.size, len(frames), SEED)


def endpoint(kind, dut, name):
    """Return a cocotbext-axi source or sink that pauses at random."""
    logging.getLogger(f"cocotb.{dut._name}.{name}").setLevel(logging.WARNING)  # not every beat
    bus = AxiStreamBus.from_prefix(dut, name)
    end = kind(bus, dut.ap_clk, dut.ap_rst_n, reset_active_level=False)
    end.set_pause_generator(pauses(random.Random(f"{name} {SEED}")))
    return end


def pauses(rng):
    """Yield for each cycle whether to pause; phases without and with many pauses alternate."""
    while True:
        odds = rng.choice([0, 0.2, 0.5, 0.9])
        for _ in range(rng.randrange(500)):
            yield rng.random() < odds


async def logits(sink, number):
    """Return the logits of the next image."""
    stream, beats = MANIFEST["output"], []
    cycles = PATIENCE * MANIFEST["latency_cycles"]
    try:
        while len(beats) < stream["beats"]:
            beats.append(await with_timeout(sink.recv(), cycles * PERIOD, "step"))
    except SimTimeoutError:
        raise AssertionError(
            f"hangs in image {number}: {len(beats)} of {stream['beats']} beats came out, "
            f"and in {cycles} cycles no other; {REPEAT}"
        ) from None
    return decode(beats, stream)


def decode(beats, stream):
    """Return the values in an image's beats; the first value of a beat is in its lowest bits."""
    bits = stream["bits"] // stream["lanes"]
    rows = np.array([list(beat.tdata) for beat in beats], np.uint8)
    rows = np.unpackbits(rows, axis=1, count=stream["bits"], bitorder="little")
    weights = 2 ** np.arange(bits)
    if stream["datatype"].startswith("INT"):
        weights[-1] *= -1  # two's complement
    values = (rows.reshape(-1, bits) @ weights).reshape(stream["shape"]) * stream["scale"]
    return values.astype(np.float32)
