"""cocotb side of the popcount test: a word of bits per row in, the counts of the rows out."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def count(dut):
    case = json.loads(Path(os.environ["CASE"]).read_text())
    words = [int(word, 16) for word in case["words"]]
    counts = []
    dut.rst_n.value = 0
    dut.en.value = 1
    dut.in_flags.value = 0
    dut.in_bits.value = 0
    Clock(dut.clk, 2, "step").start()
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst_n.value = 1
    cycle = 0
    while len(counts) < len(words):
        dut.in_flags.value = int(cycle < len(words))
        dut.in_bits.value = words[min(cycle, len(words) - 1)]
        await FallingEdge(dut.clk)
        if dut.out_flags.value == 1:
            counts.append(f"{int(dut.out_count.value):x}")
        cycle += 1
        assert cycle < 2 * len(words) + 100, "the flag that travels along is lost"
    Path(os.environ["RESULT"]).write_text(json.dumps(counts))
