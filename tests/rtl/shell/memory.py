"""An AXI memory that responds late, stalls, and misbehaves when told to."""

from collections import deque

import cocotb
from cocotb.triggers import Event, RisingEdge
from cocotbext.axi import AxiBurstType, AxiResp
from cocotbext.axi.axi_ram import AxiRam, AxiRamRead, AxiRamWrite


class _Late:
    """Passes items on in order, each only after its latency."""

    def __init__(self, clock, latency, deliver):
        self.clock, self.latency, self.deliver = clock, latency, deliver
        self.cycle = 0
        self.queue = deque()
        self.filled = Event()

    def put(self, item):
        self.queue.append((self.cycle + self.latency(), item))
        self.filled.set()

    async def count(self):
        while True:
            await RisingEdge(self.clock)
            self.cycle += 1

    async def run(self):
        while True:
            if not self.queue:
                self.filled.clear()
                await self.filled.wait()
            due, item = self.queue[0]
            while self.cycle < due:
                await RisingEdge(self.clock)
            self.queue.popleft()
            await self.deliver(item)


class _Tasks:
    """Coroutines that run from reset to reset."""

    def __init__(self):
        self.running = []

    def start(self, *coroutines):
        self.running = [cocotb.start_soon(coroutine) for coroutine in coroutines]

    def stop(self):
        for task in self.running:
            task.cancel()
        self.running = []


class ReadPort(AxiRamRead):
    """The read port of the memory.

    Attributes:
        latency: function that returns the cycles until a burst's first beat; any number of bursts
            may be under way.
        spoil: function that maps a burst's beats, lists [data, response, last], to the beats to
            send instead; called once per burst.
    """

    def __init__(self, *args, **kwargs):
        self.latency = lambda: 0
        self.spoil = lambda beats: beats
        self.tasks = _Tasks()
        super().__init__(*args, **kwargs)
        self.r_channel.queue_occupancy_limit = 8

    def _handle_reset(self, state):
        if state:
            self.tasks.stop()
        super()._handle_reset(state)

    async def _process_read(self):
        late = _Late(self.clock, lambda: self.latency(), self._answer)
        self.tasks.start(late.count(), late.run())
        while True:
            late.put(await self.ar_channel.recv())

    async def _answer(self, ar):
        count = int(ar.arlen) + 1
        data = self.read(int(ar.araddr), 8 * count)
        words = [data[8 * i : 8 * i + 8] for i in range(count)]
        beats = [[word, AxiResp.OKAY, i == count - 1] for i, word in enumerate(words)]
        for beat in self.spoil(beats):
            await self.send(*beat)

    async def send(self, data, response=AxiResp.OKAY, last=True):
        """Send a beat, whether or not it was requested."""
        beat = self.r_channel._transaction_obj()
        beat.rid, beat.rdata = 0, int.from_bytes(data, "little")
        beat.rresp, beat.rlast = response, int(last)
        await self.r_channel.send(beat)


class WritePort(AxiRamWrite):
    """The write port of the memory.

    Attributes:
        latency: function that returns the cycles until a burst's response.
        responses: function that returns the response to a burst.
    """

    def __init__(self, *args, **kwargs):
        self.latency = lambda: 0
        self.responses = lambda: AxiResp.OKAY
        self.tasks = _Tasks()
        super().__init__(*args, **kwargs)

    def _handle_reset(self, state):
        if state:
            self.tasks.stop()
        super()._handle_reset(state)

    async def _process_write(self):
        late = _Late(self.clock, lambda: self.latency(), self.respond)
        self.tasks.start(late.count(), late.run())
        while True:
            aw = await self.aw_channel.recv()
            assert int(aw.awburst) == AxiBurstType.INCR
            for i in range(int(aw.awlen) + 1):
                w = await self.w_channel.recv()
                assert int(w.wlast) == (i == int(aw.awlen)), "WLAST at a wrong beat"
                data = int(w.wdata).to_bytes(8, "little")
                for byte in range(8):
                    if int(w.wstrb) >> byte & 1:
                        self.write(int(aw.awaddr) + 8 * i + byte, data[byte : byte + 1])
            late.put(self.responses())

    async def respond(self, response):
        """Send a response, whether or not it is expected."""
        b = self.b_channel._transaction_obj()
        b.bid, b.bresp = 0, response
        await self.b_channel.send(b)


class Memory(AxiRam):
    """Both ports on one array of bytes."""

    def __init__(self, bus, clock, reset, size):
        super(AxiRam, self).__init__(size, None)
        self.write_if = WritePort(bus.write, clock, reset, False, mem=self.mem)
        self.read_if = ReadPort(bus.read, clock, reset, False, mem=self.mem)
