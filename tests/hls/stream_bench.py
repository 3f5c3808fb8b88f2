"""cocotb side of the kernel tests: streams beats through a wrapper and records what comes out.

The case is in the JSON file that CASE names; the result goes to the file that RESULT names.
All decisions are taken at the falling edge, so nothing depends on a simulator's order of
events at the rising one.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

#: A kernel that moves no beat for this many cycles hangs.
PATIENCE = 20_000


@cocotb.test()
async def stream(dut):
    case = json.loads(Path(os.environ["CASE"]).read_text())
    rng = random.Random(case["seed"])
    beats = [int(beat, 16) for beat in case["beats"]]
    out, cycle_in, cycle_out = [], [], []

    dut.ap_rst_n.value = 0
    dut.in0_V_TVALID.value = 0
    dut.in0_V_TDATA.value = 0
    dut.out0_V_TREADY.value = 0
    Clock(dut.ap_clk, 2, "step").start()
    for _ in range(4):
        await FallingEdge(dut.ap_clk)
    dut.ap_rst_n.value = 1

    sent = 0
    due = 0.0  # when the next beat may be offered
    offering = False  # a beat once offered stays until taken (AXI4-Stream)
    held = None  # likewise what the kernel offers
    cycle = quiet = 0
    while len(out) < case["expect"] or quiet < case["linger"]:
        if not offering and sent < len(beats):
            offering = cycle >= due and rng.random() >= case["p_gap"]
            if offering:
                dut.in0_V_TDATA.value = beats[sent]
        dut.in0_V_TVALID.value = int(offering)
        ready = cycle >= case["wait"] and rng.random() >= case["p_stall"]
        dut.out0_V_TREADY.value = int(ready)
        await ReadOnly()
        quiet += 1
        valid = dut.out0_V_TVALID.value
        assert valid.is_resolvable, f"TVALID is {valid} in cycle {cycle}"
        data = int(dut.out0_V_TDATA.value) if valid == 1 else None
        if held is not None:
            assert data == held, f"beat {len(out)} changed from {held:x} to {data} while stalled"
        held = data if valid == 1 and not ready else None
        if valid == 1 and ready:
            out.append(f"{data:x}")
            cycle_out.append(cycle)
            quiet = 0
        if offering and dut.in0_V_TREADY.value == 1:
            cycle_in.append(cycle)
            sent += 1
            due = (due if cycle < due + 1 else cycle) + case["pace"]
            offering = False
            quiet = 0
        assert quiet < PATIENCE, f"hangs after {sent} beats in, {len(out)} out"
        cycle += 1
        await FallingEdge(dut.ap_clk)
    Path(os.environ["RESULT"]).write_text(
        json.dumps({"out": out, "cycle_in": cycle_in, "cycle_out": cycle_out, "sent": sent})
    )
