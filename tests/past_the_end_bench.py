"""cocotb side of test_bench: reads within an array of zeros and past its end."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def reads(dut):
    Clock(dut.clk, 2, "step").start()
    found = []
    for place in (0, 1, 2, 3, 3):
        dut.place.value = place
        for _ in range(2):
            await FallingEdge(dut.clk)
        found.append(int(dut.found.value))
    assert found[:3] == [0, 0, 0]
    assert any(found[3:]), "a read past the end gives zeros"
