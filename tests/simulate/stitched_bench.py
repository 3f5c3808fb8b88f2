"""The cocotb side of the stitched network's test: sends images through its AXI4-Streams.

CASE names an .npz with the "beats" to send [n, bytes], the number of bytes to "expect", the
probabilities per cycle "p_gap" and "p_stall", and their "seed". RESULT names the .npz for the
"out" bytes, the simulated "cycles" and the "seconds" they took.
"""

import logging
import os
import random
import time

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

PERIOD_STEPS = 2


@cocotb.test()
async def images_in_logits_out(dut):
    case = np.load(os.environ["CASE"])
    rng = random.Random(int(case["seed"]))
    source = AxiStreamSource(
        AxiStreamBus.from_prefix(dut, "in0_V"), dut.ap_clk, dut.ap_rst_n, reset_active_level=False
    )
    sink = AxiStreamSink(
        AxiStreamBus.from_prefix(dut, "out0_V"), dut.ap_clk, dut.ap_rst_n, reset_active_level=False
    )
    source.log.setLevel(logging.WARNING)  # they log every beat
    sink.log.setLevel(logging.WARNING)
    source.set_pause_generator(pauses(rng, case["p_gap"]))
    sink.set_pause_generator(pauses(rng, case["p_stall"]))
    Clock(dut.ap_clk, PERIOD_STEPS, "step").start()
    dut.ap_rst_n.value = 0
    for _ in range(4):
        await RisingEdge(dut.ap_clk)
    dut.ap_rst_n.value = 1
    started, began = get_sim_time("step"), time.monotonic()
    await source.write(case["beats"].tobytes())
    out = bytearray()
    while len(out) < case["expect"]:
        out += bytes(await sink.read())
    np.savez(
        os.environ["RESULT"],
        out=np.frombuffer(bytes(out), np.uint8),
        cycles=int(get_sim_time("step") - started) // PERIOD_STEPS,
        seconds=time.monotonic() - began,
    )


def pauses(rng, probability):
    while True:
        yield rng.random() < probability
