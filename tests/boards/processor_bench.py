"""A frame through the whole top module of the open flow, as the processor sees it."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiRam

from irnet_hw.artifact.registers import MAGIC, Control, Interrupt, Register
from tests.boards.axi3 import AR, AW, INCR, OKAY, B, R, W

SOURCE, TARGET = 0x1_0000, 0x2_0000


class Processor:
    def __init__(self, dut, base):
        self.dut, self.base = dut, base
        self.aw, self.w, self.ar = (
            source(bus.from_prefix(dut, "gp"), dut.clk) for bus, source, _ in (AW, W, AR)
        )
        self.b, self.r = (sink(bus.from_prefix(dut, "gp"), dut.clk) for bus, _, sink in (B, R))

    async def write(self, offset, value):
        burst = {"awid": 5, "awaddr": self.base + offset, "awlen": 0, "awsize": 2}
        await self.aw.send(self.aw._transaction_obj(**burst, awburst=INCR))
        await self.w.send(self.w._transaction_obj(wdata=value, wstrb=15, wlast=1))
        got = await self.b.recv()
        assert (int(got.bid), int(got.bresp)) == (5, OKAY)

    async def read(self, offset, words=1):
        burst = {"arid": 9, "araddr": self.base + offset, "arlen": words - 1, "arsize": 2}
        await self.ar.send(self.ar._transaction_obj(**burst, arburst=INCR))
        got = [await self.r.recv() for _ in range(words)]
        assert all((int(one.rid), int(one.rresp)) == (9, OKAY) for one in got)
        return [int(one.rdata) for one in got]


@cocotb.test()
async def frames_from_and_to_memory(dut):
    case = json.loads(Path(os.environ["CASE"]).read_text())
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    processor = Processor(dut, case["base"])
    memory = AxiRam(AxiBus.from_prefix(dut, "hp"), dut.clk, size=1 << 18)
    dut.reset_n.value = 0
    await ClockCycles(dut.clk, 5)
    dut.reset_n.value = 1
    await ClockCycles(dut.clk, 20)

    assert await processor.read(Register.MAGIC) == [MAGIC]
    words = await processor.read(Register.IDENTITY_0, 4)
    assert b"".join(word.to_bytes(4, "little") for word in words).hex() == case["identity"]

    memory.write(SOURCE, bytes.fromhex(case["images"]))
    for register, value in (
        (Register.SOURCE_LOW, SOURCE),
        (Register.TARGET_LOW, TARGET),
        (Register.FRAMES, case["frames"]),
        (Register.INTERRUPT, Interrupt.DONE),
    ):
        await processor.write(register, value)
    assert dut.interrupt.value == 0
    await processor.write(Register.CONTROL, Control.START)
    for _ in range(10_000):
        await ClockCycles(dut.clk, 10)
        if dut.interrupt.value == 1:
            break
    assert await processor.read(Register.ERRORS) == [0]
    assert await processor.read(Register.FRAMES_OUT) == [case["frames"]]
    assert memory.read(TARGET, 4 * len(case["values"])) == b"".join(
        value.to_bytes(4, "little", signed=True) for value in case["values"]
    )
    await processor.write(Register.DONE, 1)
    assert dut.interrupt.value == 0
