"""Random AXI3 bursts of a processor to registers, some of which refuse accesses."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Combine, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteSlave
from cocotbext.axi.address_space import Region

from tests.boards.axi3 import AR, AW, DECERR, FIXED, INCR, OKAY, SLVERR, WRAP, B, R, W

BASE = int(os.environ["BASE"], 16)
#: Writes go to the first quarter of the 4 KiB, reads to the second; the rest refuses both.
READ, REFUSE = 0x400, 0x800


class Registers(Region):
    """4 KiB of memory that is accessed in words and refuses some addresses."""

    def __init__(self, content):
        super().__init__(len(content))
        self.content = bytearray(content)

    async def _read(self, address, length, **_):
        if address >= REFUSE:
            raise ValueError(address)
        return bytes(self.content[address : address + length])

    async def _write(self, address, data, **_):
        if address >= REFUSE:
            raise ValueError(address)
        self.content[address : address + len(data)] = data


def at_random(rng, share):
    while True:
        yield rng.random() < share


def a_burst(rng, low, high):
    """Return address, len, size and type of a burst within the 4 KiB, and its beats' addresses."""
    kind, size = rng.choice([FIXED, INCR, WRAP]), rng.randrange(3)
    beats = rng.choice([2, 4, 8, 16]) if kind == WRAP else rng.randint(1, 16)
    step = 1 << size
    first = rng.randrange(low, high)
    if kind == WRAP:
        first -= first % step
        start = first - first % (beats * step)
        addresses = [start + (first - start + i * step) % (beats * step) for i in range(beats)]
    elif kind == INCR:
        aligned = first - first % step
        addresses = [first, *(aligned + i * step for i in range(1, beats))]
    else:
        addresses = [first] * beats
    if max(addresses) >= high:
        return a_burst(rng, low, high)
    return first, beats - 1, size, kind, addresses


def lanes(address, size):
    """Return which bytes of a 32-bit word a beat accesses."""
    start, step = address % 4, 1 << size
    return range(start, start - start % step + step)


class Bench:
    def __init__(self, dut):
        self.dut, self.rng = dut, random.Random(int(os.environ["SEED"]))
        self.registers = Registers(self.rng.randbytes(4096))
        self.expected = bytearray(self.registers.content)

    async def start(self):
        dut, rng = self.dut, self.rng
        cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
        dut.rst_n.value = 0
        args = (dut.clk, dut.rst_n, False)
        self.aw, self.w, self.ar = (
            source(bus.from_prefix(dut, "gp"), *args) for bus, source, _ in (AW, W, AR)
        )
        self.b, self.r = (sink(bus.from_prefix(dut, "gp"), *args) for bus, _, sink in (B, R))
        lite = AxiLiteSlave(AxiLiteBus.from_prefix(dut, "lite"), *args[:2], self.registers, False)
        ends = [self.aw, self.w, self.b, self.ar, self.r]
        ends += [lite.write_if.aw_channel, lite.write_if.w_channel, lite.write_if.b_channel]
        ends += [lite.read_if.ar_channel, lite.read_if.r_channel]
        for end in ends:
            end.set_pause_generator(at_random(rng, rng.choice([0, 0.3, 0.8])))
        await ClockCycles(dut.clk, 5)
        dut.rst_n.value = 1
        await RisingEdge(dut.clk)

    def place(self, low):
        """Return a burst: mostly one that is accepted, otherwise one that is refused."""
        where = self.rng.random()
        outside = BASE ^ (1 << self.rng.randrange(12, 32)) if where < 0.15 else BASE
        refused = where > 0.85
        burst = a_burst(self.rng, *((REFUSE, 0x1000) if refused else (low, low + 0x400)))
        answer = DECERR if outside != BASE else SLVERR if refused else OKAY
        return outside, burst, answer

    async def write(self, number):
        for _ in range(number):
            base, (first, length, size, kind, addresses), answer = self.place(0)
            name = self.rng.randrange(1 << 12)
            burst = {"awid": name, "awaddr": base + first, "awlen": length}
            await self.aw.send(self.aw._transaction_obj(**burst, awsize=size, awburst=kind))
            written = 0
            for i, address in enumerate(addresses):
                data, strobes = self.rng.randbytes(4), 0
                for lane in lanes(address, size):
                    if self.rng.random() < 0.7:
                        strobes |= 1 << lane
                        if answer == OKAY:
                            self.expected[address - address % 4 + lane] = data[lane]
                written |= strobes
                beat = {"wdata": int.from_bytes(data, "little"), "wstrb": strobes}
                await self.w.send(self.w._transaction_obj(**beat, wlast=i == length))
            got = await self.b.recv()
            if answer == SLVERR and not written:
                answer = OKAY  # nothing to refuse
            assert (int(got.bid), int(got.bresp)) == (name, answer)

    async def read(self, number):
        for _ in range(number):
            base, (first, length, size, kind, addresses), answer = self.place(READ)
            name = self.rng.randrange(1 << 12)
            burst = {"arid": name, "araddr": base + first, "arlen": length}
            await self.ar.send(self.ar._transaction_obj(**burst, arsize=size, arburst=kind))
            for i, address in enumerate(addresses):
                got = await self.r.recv()
                assert (int(got.rid), int(got.rresp)) == (name, answer)
                assert int(got.rlast) == (i == length)
                if answer == OKAY:
                    word = int(got.rdata).to_bytes(4, "little")
                    for lane in lanes(address, size):
                        assert word[lane] == self.expected[address - address % 4 + lane]


@cocotb.test()
async def random_bursts(dut):
    bench = Bench(dut)
    await bench.start()
    number = int(os.environ["BURSTS"])
    await Combine(cocotb.start_soon(bench.write(number)), cocotb.start_soon(bench.read(number)))
    assert bench.registers.content == bench.expected
