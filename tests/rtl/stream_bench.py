"""cocotb side of the kernel tests: streams beats through a wrapper and records the output.

The case is in the JSON file that CASE names; the result goes to the file that RESULT names.
All decisions are made at the falling edge, so nothing depends on a simulator's order of events at
the rising edge.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

#: A kernel that moves no beat for this many cycles is considered hung.
PATIENCE = 20_000


class Producer:
    """Offers a stream's beats at its pace, with random gaps."""

    def __init__(self, dut, ind, case):
        self.data = getattr(dut, f"in{ind}_V_TDATA")
        self.valid = getattr(dut, f"in{ind}_V_TVALID")
        self.ready = getattr(dut, f"in{ind}_V_TREADY")
        self.beats = [int(beat, 16) for beat in case["beats"][ind]]
        self.pace, self.p_gap = case["pace"][ind], case["p_gap"]
        self.rng = random.Random(f"{case['seed']} in{ind}")
        self.due = 0.0  # when the next beat may be offered
        self.offering = False  # a beat once offered stays until taken (AXI4-Stream)
        self.cycles = []  # in which beats were taken
        self.there = []  # in which beats were first offered
        self.data.value = self.valid.value = 0

    def offer(self, cycle):
        if not self.offering and len(self.cycles) < len(self.beats):
            self.offering = cycle >= self.due and self.rng.random() >= self.p_gap
            if self.offering:
                self.data.value = self.beats[len(self.cycles)]
                self.there.append(cycle)
        self.valid.value = int(self.offering)

    def moves(self, cycle):
        """Return whether the kernel takes the beat."""
        if not self.offering or self.ready.value != 1:
            return False
        self.cycles.append(cycle)
        self.due = (self.due if cycle < self.due + 1 else cycle) + self.pace
        self.offering = False
        return True


class Consumer:
    """Takes a stream's beats, with random stalls, and checks that waiting beats don't change."""

    def __init__(self, dut, ind, case):
        self.data = getattr(dut, f"out{ind}_V_TDATA")
        self.valid = getattr(dut, f"out{ind}_V_TVALID")
        self.ready = getattr(dut, f"out{ind}_V_TREADY")
        self.name = f"out{ind}"
        self.due, self.rest, self.p_stall = case["wait"], case["rest"], case["p_stall"]
        self.rng = random.Random(f"{case['seed']} out{ind}")
        self.taking = False
        self.held = None  # the beat that the kernel has offered and that is not taken yet
        self.beats, self.cycles = [], []
        self.ready.value = 0

    def offer(self, cycle):
        self.taking = cycle >= self.due and self.rng.random() >= self.p_stall
        self.ready.value = int(self.taking)

    def moves(self, cycle):
        """Return whether a beat is taken."""
        valid = self.valid.value
        assert valid.is_resolvable, f"{self.name}: TVALID is {valid} in cycle {cycle}"
        data = int(self.data.value) if valid == 1 else None
        if self.held is not None:
            assert data == self.held, (
                f"{self.name}: beat {len(self.beats)} changed from {self.held:x} to {data} "
                "while stalled"
            )
        self.held = data if valid == 1 and not self.taking else None
        if valid != 1 or not self.taking:
            return False
        self.due = cycle + self.rest
        self.beats.append(f"{data:x}")
        self.cycles.append(cycle)
        return True


@cocotb.test()
async def stream(dut):
    case = json.loads(Path(os.environ["CASE"]).read_text())
    dut.ap_rst_n.value = 0
    producers = [Producer(dut, ind, case) for ind in range(len(case["beats"]))]
    consumers = [Consumer(dut, ind, case) for ind in range(len(case["expect"]))]
    ports = [*consumers, *producers]
    Clock(dut.ap_clk, 2, "step").start()
    for _ in range(4):
        await FallingEdge(dut.ap_clk)
    dut.ap_rst_n.value = 1

    cycle = quiet = 0
    while (
        quiet < case["linger"]
        or any(len(producer.cycles) < len(producer.beats) for producer in producers)
        or any(
            len(consumer.beats) < expected
            for consumer, expected in zip(consumers, case["expect"], strict=True)
        )
    ):
        for port in ports:
            port.offer(cycle)
        await ReadOnly()
        moved = [port.moves(cycle) for port in ports]
        quiet = 0 if any(moved) else quiet + 1
        assert quiet < PATIENCE, (
            f"hangs after {[len(producer.cycles) for producer in producers]} beats in, "
            f"{[len(consumer.beats) for consumer in consumers]} out"
        )
        cycle += 1
        await FallingEdge(dut.ap_clk)
    Path(os.environ["RESULT"]).write_text(
        json.dumps(
            {
                "out": [consumer.beats for consumer in consumers],
                "there": [producer.there for producer in producers],
                "cycle_in": [producer.cycles for producer in producers],
                "cycle_out": [consumer.cycles for consumer in consumers],
            }
        )
    )
