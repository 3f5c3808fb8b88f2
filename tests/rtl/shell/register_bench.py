"""The registers, read and written by a driver that pauses at random."""

import cocotb
from cocotbext.axi import AxiResp

from irnet_hw.artifact import registers
from irnet_hw.artifact.registers import Control, Error, Interrupt, Register, Status
from tests.rtl.shell.board_bench import Board

WRITABLE = [
    Register.SOURCE_LOW,
    Register.SOURCE_HIGH,
    Register.TARGET_LOW,
    Register.TARGET_HIGH,
    Register.FRAMES,
]
#: Values after a reset; the others are 0.
CONSTANTS = {
    Register.MAGIC: registers.MAGIC,
    Register.VERSION: registers.VERSION,
    Register.CAPACITY: 4,
    Register.IDENTITY_0: 0x03020100,
    Register.IDENTITY_1: 0x07060504,
    Register.IDENTITY_2: 0x0B0A0908,
    Register.IDENTITY_3: 0x0F0E0D0C,
    Register.STATUS: Status.IDLE,
}
OFFSETS = range(0, registers.END, 4)


@cocotb.test()
async def each_register_reads_what_it_should_after_reset(dut):
    board = Board(dut, 1)
    board.stall()
    await board.reset()
    found = {offset: await board.read(offset) for offset in OFFSETS}
    assert found == {offset: CONSTANTS.get(offset, 0) for offset in OFFSETS}


@cocotb.test()
async def what_can_be_written_is_kept_byte_by_byte(dut):
    board = Board(dut, 2)
    board.stall()
    await board.reset()
    right = {offset: CONSTANTS.get(offset, 0) for offset in OFFSETS}
    untouched = {Register.CONTROL, Register.INTERRUPT}
    for offset in [offset for offset in OFFSETS if offset not in untouched] * 2:
        first = board.rng.randrange(4)
        data = board.rng.randbytes(board.rng.randint(1, 4 - first))
        answer = await board.master.write(offset + first, data)
        assert answer.resp == AxiResp.OKAY
        if offset in WRITABLE:
            value = bytearray(right[offset].to_bytes(4, "little"))
            value[first : first + len(data)] = data
            right[offset] = int.from_bytes(value, "little")
    assert {offset: await board.read(offset) for offset in OFFSETS} == right
    for enabled in (0, 1, 2, 3):
        await board.write(Register.INTERRUPT, 0xFFFFFFFC | enabled)
        assert await board.read(Register.INTERRUPT) == enabled


@cocotb.test()
async def beyond_the_map_is_an_error(dut):
    board = Board(dut, 3)
    board.stall()
    await board.reset()
    for offset in [registers.END, registers.END + 0x20, 0x400, 0x820, 0xFFC]:
        assert (await board.master.write(offset, bytes([1, 0, 0, 0]))).resp == AxiResp.SLVERR
        answer = await board.master.read(offset, 4)
        assert answer.resp == AxiResp.SLVERR and answer.data == bytes(4)
    for offset in OFFSETS:
        assert (await board.master.read(offset, 4)).resp == AxiResp.OKAY
    await board.right_batch()


@cocotb.test()
async def each_request_is_answered_once(dut):
    board = Board(dut, 4)
    board.stall()
    await board.reset()
    before = len(board.monitor.answers)
    writes = [board.master.init_write(Register.FRAMES, bytes([i, 0, 0, 0])) for i in range(20)]
    reads = [board.master.init_read(Register.MAGIC, 4) for _ in range(20)]
    for event in [*writes, *reads]:
        await event.wait()
    await board.cycles(50)
    assert len(board.monitor.answers) == before + 20
    assert await board.read(Register.FRAMES) == 19


@cocotb.test()
async def the_interrupt_is_what_is_enabled_and_happened(dut):
    board = Board(dut, 5)
    await board.reset()

    async def line():
        await board.cycles(3)
        return int(dut.interrupt.value)

    await board.right_batch()
    assert await line() == 0
    await board.write(Register.INTERRUPT, Interrupt.DONE)
    assert await line() == 1
    await board.write(Register.DONE, 0)
    assert await line() == 1
    await board.write(Register.DONE, 1)
    assert await line() == 0
    await board.describe(4, 0, 1)
    await board.write(Register.CONTROL, Control.START)
    assert await line() == 0
    await board.write(Register.INTERRUPT, Interrupt.ERROR)
    assert await line() == 1
    await board.write(Register.ERRORS, ~Error.DESCRIPTOR & 0xFFFFFFFF)
    assert await line() == 1
    await board.write(Register.ERRORS, Error.DESCRIPTOR)
    assert await line() == 0


@cocotb.test()
async def the_upper_half_of_cycles_waits_for_its_lower_half(dut):
    """It is latched when the lower one is read; here, before anything has run."""
    board = Board(dut, 6)
    await board.reset()
    assert await board.read(Register.CYCLES_LOW) == 0
    await board.right_batch()
    assert await board.read(Register.CYCLES_HIGH) == 0
    assert await board.read(Register.CYCLES_LOW) > 0
