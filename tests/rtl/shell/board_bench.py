"""cocotb side of the shell tests: a board with its memory, driver and monitors."""

import itertools
import json
import logging
import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster

from irnet_hw.artifact.registers import Control, Register, Status, queued
from tests.rtl.shell.memory import Memory

#: Size of the memory in bytes.
SIZE = 1 << 16
#: Cycles after which a board that has not finished is considered hung.
PATIENCE = 50_000

CHANNELS = {
    "aw": ["awaddr", "awlen", "awsize", "awburst", "awlock", "awcache", "awprot", "awqos"],
    "w": ["wdata", "wstrb", "wlast"],
    "ar": ["araddr", "arlen", "arsize", "arburst", "arlock", "arcache", "arprot", "arqos"],
}
#: Bits of the board's output of that name.
HANDSHAKES = [
    *(
        f"{name} {signal}"
        for name in ["aw", "w", "ar", "in", "out"]
        for signal in ["valid", "ready"]
    ),
    *["rvalid", "rlast", "bvalid", "answer", "acc_rst_n", "aresetn", "rready and bready"],
]
PLACES = {signal: place for place, signal in enumerate(HANDSHAKES)}


class Monitor:
    """Observes the bus and the accelerator's streams in every cycle, and checks the rules.

    Attributes:
        cycle: the current one.
        reading, writing: bursts under way, from address to last beat or response.
        most_reading, most_writing: the maximum of these so far.
        reads, writes: addresses of the bursts and their beats.
        entered, left: cycles of the beats into and out of the accelerator.
        responses: cycles of the write responses.
        answers: cycles in which a write to a register was answered.
    """

    def __init__(self, dut):
        self.dut = dut
        self.cycle = 0
        self.reading = self.writing = self.most_reading = self.most_writing = 0
        self.reads, self.writes = [], []
        self.entered, self.left, self.responses, self.answers = [], [], [], []
        self.forget()
        self.now = 0
        self.ports = {
            name: [getattr(dut, f"m_axi_{signal}") for signal in signals]
            for name, signals in CHANNELS.items()
        }
        self.ports["in"] = [dut.in_tdata]

    def forget(self):
        """Forget all transfers under way: the board is reset."""
        self.offered = {}
        self.reading = self.writing = 0
        self.lengths, self.beats = [], 0
        self.answering = False

    async def run(self):
        clock, handshakes = RisingEdge(self.dut.aclk), self.dut.handshakes
        while True:
            await clock
            self.cycle += 1
            self.now = int(handshakes.value)
            if self.sees("aresetn"):
                self.look()
            else:
                self.forget()

    def sees(self, signal):
        """Return whether a signal of HANDSHAKES is high in this cycle."""
        return self.now >> PLACES[signal] & 1

    def look(self):
        if beat := self.moves("ar"):
            self.reads.append(self.burst(beat))
            self.reading += 1
        if beat := self.moves("aw"):
            self.writes.append(self.burst(beat))
            self.lengths.append(self.writes[-1][1])
            self.writing += 1
        if beat := self.moves("w"):
            self.beats += 1
            if beat[2]:
                self.lengths.append(-self.beats)
                self.beats = 0
        if self.moves("in"):
            self.entered.append(self.cycle)
        if self.sees("out valid") and self.sees("out ready"):
            self.left.append(self.cycle)
        assert self.sees("rready and bready")
        if self.sees("rvalid"):
            self.reading -= self.sees("rlast")
        if self.sees("bvalid"):
            self.responses.append(self.cycle)
            self.writing -= 1
        if self.sees("answer") and not self.answering:
            self.answers.append(self.cycle)
        self.answering = self.sees("answer")
        self.most_reading = max(self.most_reading, self.reading)
        self.most_writing = max(self.most_writing, self.writing)

    def moves(self, name):
        """Return the beat of a channel if it moves; assert that an offered beat does not change."""
        if not self.sees(f"{name} valid"):
            lost = self.offered.pop(name, None)
            # A soft reset also resets the accelerator, which may withdraw a beat.
            reset = name == "in" and not self.sees("acc_rst_n")
            assert lost is None or reset, f"{name}: {lost} is withdrawn in cycle {self.cycle}"
            return None
        beat = [int(signal.value) for signal in self.ports[name]]
        assert self.offered.get(name, beat) == beat, (
            f"{name}: {self.offered[name]} becomes {beat} in cycle {self.cycle}"
        )
        self.offered[name] = beat
        return self.offered.pop(name) if self.sees(f"{name} ready") else None

    def burst(self, beat):
        """Return a burst's address and beats; assert that a port of the Zynq-7000 accepts it."""
        address, length, *rest = beat
        assert rest == [3, 1, 0, 0b0011, 0, 0], rest
        assert length < 16 and address % 8 == 0
        assert address // 4096 == (address + 8 * length) // 4096, f"{address:x} crosses 4 KiB"
        return address, length + 1

    def check_ended(self):
        """Assert that all announced bursts were sent, with WLAST at the right beats."""
        assert self.reading == self.writing == self.beats == 0 and not self.offered
        announced = [beats for beats in self.lengths if beats > 0]
        assert announced == [-beats for beats in self.lengths if beats < 0]


class Board:
    """A board under test.

    Attributes:
        size: the accelerator's parameters.
        rng: for everything random.
        memory, shadow: the memory's content, and what it should be.
    """

    def __init__(self, dut, seed):
        logging.getLogger("cocotb.converting_board").setLevel(logging.ERROR)
        self.dut = dut
        self.size = json.loads(os.environ["BOARD"])
        self.rng = random.Random(f"{seed} {os.environ['BOARD']}")
        dut.withdraw.value = dut.change.value = 0
        dut.aresetn.value = 0
        Clock(dut.aclk, 2, "step").start(start_high=False)
        self.master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, False
        )
        self.memory = Memory(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, dut.aresetn, SIZE)
        self.shadow = bytearray(self.rng.randbytes(SIZE))
        self.memory.write(0, bytes(self.shadow))
        self.monitor = Monitor(dut)
        cocotb.start_soon(self.monitor.run())
        self.frame_in = self.size["IN_BYTES"] * self.size["IN_BEATS"]
        self.frame_out = 4 * self.size["OUT_LANES"] * self.size["OUT_BEATS"]

    async def cycles(self, count):
        await ClockCycles(self.dut.aclk, count)

    async def reset(self, cycles=4):
        self.dut.aresetn.value = 0
        await self.cycles(cycles)
        self.dut.aresetn.value = 1
        await self.cycles(2)

    def stall(self, p_bus=0.5, p_registers=0.3, latency=60):
        """Let all channels pause at random, and the memory respond after random times."""
        read, write = self.memory.read_if, self.memory.write_if
        bus = [read.ar_channel, read.r_channel, write.aw_channel, write.w_channel, write.b_channel]
        driver = [
            self.master.write_if.aw_channel,
            self.master.write_if.w_channel,
            self.master.write_if.b_channel,
            self.master.read_if.ar_channel,
            self.master.read_if.r_channel,
        ]
        for channels, p in [(bus, p_bus), (driver, p_registers)]:
            for channel in channels:
                rng = random.Random(self.rng.random())
                channel.set_pause_generator(rng.random() < p for _ in itertools.count())
        read.latency = write.latency = lambda: self.rng.randrange(latency)

    def steady(self, latency):
        """Let the memory respond after a fixed number of cycles, without pauses."""
        self.memory.read_if.latency = self.memory.write_if.latency = lambda: latency

    async def read(self, register):
        return await self.master.read_dword(register)

    async def write(self, register, value):
        await self.master.write_dword(register, value)

    def values(self, source, frames):
        """Return the expected values of frames, int32."""
        data = bytes(self.shadow[source : source + self.frame_in * frames])
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        rows = bits.reshape(-1, self.size["OUT_BITS"]).astype(np.int64)
        weights = 1 << np.arange(self.size["OUT_BITS"], dtype=np.int64)
        weights[-1] *= -1  # the highest bit of a signed integer
        return (rows * weights).sum(axis=1).astype("<i4")

    async def describe(self, source, target, frames):
        """Write the descriptor of the next batch."""
        for register, value in [
            (Register.SOURCE_LOW, source & 0xFFFFFFFF),
            (Register.SOURCE_HIGH, source >> 32),
            (Register.TARGET_LOW, target & 0xFFFFFFFF),
            (Register.TARGET_HIGH, target >> 32),
            (Register.FRAMES, frames),
        ]:
            await self.write(register, value)

    async def start(self, source, target, frames):
        """Queue a batch; put the values that it should write into the shadow."""
        await self.describe(source, target, frames)
        await self.write(Register.CONTROL, Control.START)
        values = self.values(source, frames).tobytes()
        self.shadow[target : target + len(values)] = values

    async def until(self, condition):
        """Read STATUS until it meets a condition; return it."""
        begin = self.monitor.cycle
        while not condition(status := await self.read(Register.STATUS)):
            assert self.monitor.cycle - begin < PATIENCE, f"STATUS stays {status:#x}"
        return status

    async def finished(self):
        """Wait until no batch is left; assert that the memory's content is right."""
        await self.until(lambda status: status & Status.IDLE)
        self.monitor.check_ended()
        self.check_memory()

    def check_memory(self):
        found = np.frombuffer(self.memory.read(0, SIZE), np.uint8)
        wrong = np.flatnonzero(found != np.frombuffer(bytes(self.shadow), np.uint8))
        assert not wrong.size, f"{wrong.size} bytes differ, from {wrong[0]:#x} to {wrong[-1]:#x}"

    def forgive(self, target, frames):
        """Accept whatever an abandoned batch has written within its own range."""
        end = target + self.frame_out * frames
        self.shadow[target:end] = self.memory.read(target, end - target)

    async def soft_reset(self):
        """Reset by register; wait until the reset is over."""
        await self.write(Register.CONTROL, Control.RESET)
        await self.until(lambda status: not status & Status.RESETTING)

    async def right_batch(self):
        """Assert that a batch gives the right values."""
        await self.start(*self.place())
        await self.until(lambda status: status & Status.IDLE)
        assert await self.read(Register.ERRORS) == 0
        await self.finished()

    def place(self, most=40):
        """Return source, target and frames of a random batch, which often begins near a 4 KiB
        boundary."""
        frames = self.rng.randint(1, max(1, min(most, SIZE // 4 // self.frame_out)))
        source = self._address(0, self.frame_in * frames)
        return source, self._address(SIZE // 2, self.frame_out * frames), frames

    def _address(self, base, length):
        room = SIZE // 2 - length
        if self.rng.random() < 0.5:
            address = 8 * self.rng.randrange(room // 8)
        else:
            border = 4096 * self.rng.randrange(1, max(2, room // 4096))
            address = border - 8 * self.rng.randrange(20)
        return base + min(address, room // 8 * 8)

    async def queue_is_not_full(self):
        await self.until(lambda status: queued(status) < 4)
