"""Every error flag from a real cause, and the shell's behaviour afterwards."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from irnet_hw.artifact.registers import Control, Error, Register, Status, queued
from tests.rtl.shell.board_bench import SIZE, Board


async def cleared_one_by_one(board, error):
    """Assert that exactly this error is set, and that writing its bit clears it."""
    assert await board.read(Register.ERRORS) == error
    await board.write(Register.ERRORS, ~error & 0xFFFFFFFF)
    assert await board.read(Register.ERRORS) == error
    await board.write(Register.ERRORS, error)
    assert await board.read(Register.ERRORS) == 0


async def stopped_until_reset(board, batches):
    """Assert that no batch continues or starts; then that one after a reset is right."""
    await board.write(Register.CONTROL, Control.START)
    await board.cycles(300)
    reads, writes = len(board.monitor.reads), len(board.monitor.writes)
    await board.cycles(300)
    assert (len(board.monitor.reads), len(board.monitor.writes)) == (reads, writes)
    assert await board.read(Register.BATCHES) == batches
    assert await board.read(Register.DONE) == (batches > 0)
    assert await board.read(Register.STATUS) & Status.BUSY
    board.memory.read_if.spoil = lambda beats: beats
    board.memory.write_if.responses = lambda: AxiResp.OKAY
    await board.soft_reset()
    board.monitor.forget()
    assert await board.read(Register.STATUS) == Status.IDLE
    assert await board.read(Register.ERRORS) == 0
    await board.right_batch()


def from_burst(number, spoiled):
    """Return a function that spoils the first burst of at least two beats, from a given number
    on."""
    seen = 0
    done = False

    def spoil(beats):
        nonlocal seen, done
        seen += 1
        if seen <= number or len(beats) < 2 or done:
            return beats
        done = True
        return spoiled(beats)

    return spoil


async def spoiled_read(dut, seed, spoiled, error):
    """Run a batch with a spoiled burst, after a batch without one."""
    board = Board(dut, seed)
    board.stall(p_bus=0.2, latency=20)
    await board.reset()
    await board.right_batch()
    source, target, frames = 512, SIZE // 2, 2048 // board.frame_in + 1
    frames = min(frames, SIZE // 2 // board.frame_out)
    board.memory.read_if.spoil = from_burst(1, spoiled)
    await board.start(source, target, frames)
    await board.cycles(1500)
    board.forgive(target, frames)
    board.check_memory()
    await cleared_one_by_one(board, error)
    await stopped_until_reset(board, 1)


def with_error(beats, response):
    at = len(beats) // 2
    return [[data, response if i == at else r, last] for i, (data, r, last) in enumerate(beats)]


@cocotb.test()
async def a_read_answered_with_slverr(dut):
    await spoiled_read(dut, 1, lambda beats: with_error(beats, AxiResp.SLVERR), Error.READ_RESPONSE)


@cocotb.test()
async def a_read_answered_with_decerr(dut):
    await spoiled_read(dut, 2, lambda beats: with_error(beats, AxiResp.DECERR), Error.READ_RESPONSE)


@cocotb.test()
async def a_burst_that_ends_early(dut):
    def spoiled(beats):
        return [*beats[:-2], [*beats[-2][:2], True]]

    await spoiled_read(dut, 3, spoiled, Error.READ_PROTOCOL)


@cocotb.test()
async def a_burst_whose_last_beat_is_marked_early(dut):
    def spoiled(beats):
        return [[data, response, i == 0] for i, (data, response, _) in enumerate(beats)]

    await spoiled_read(dut, 4, spoiled, Error.READ_PROTOCOL)


@cocotb.test()
async def a_burst_whose_last_beat_is_not_marked(dut):
    def spoiled(beats):
        return [[*beat[:2], False] for beat in beats]

    await spoiled_read(dut, 5, spoiled, Error.READ_PROTOCOL)


@cocotb.test()
async def a_burst_that_is_too_long(dut):
    def spoiled(beats):
        return [*([*beat[:2], False] for beat in beats), *beats]

    await spoiled_read(dut, 6, spoiled, Error.READ_PROTOCOL)


@cocotb.test()
async def data_that_nobody_asked_for(dut):
    board = Board(dut, 7)
    await board.reset()
    await board.right_batch()
    await board.memory.read_if.send(bytes(8))
    await board.cycles(10)
    await cleared_one_by_one(board, Error.READ_PROTOCOL)
    assert await board.read(Register.STATUS) == Status.IDLE
    await stopped_until_reset(board, 1)


async def spoiled_write(dut, seed, response):
    board = Board(dut, seed)
    board.stall(p_bus=0.2, latency=20)
    await board.reset()
    await board.right_batch()
    target, frames = SIZE // 2, min(40, SIZE // 2 // board.frame_out)
    answers = iter([AxiResp.OKAY, response])
    board.memory.write_if.responses = lambda: next(answers, AxiResp.OKAY)
    await board.start(512, target, frames)
    await board.cycles(1500)
    board.forgive(target, frames)
    board.check_memory()
    await cleared_one_by_one(board, Error.WRITE_RESPONSE)
    await stopped_until_reset(board, 1)


@cocotb.test()
async def a_write_answered_with_slverr(dut):
    await spoiled_write(dut, 8, AxiResp.SLVERR)


@cocotb.test()
async def a_write_answered_with_decerr(dut):
    await spoiled_write(dut, 9, AxiResp.DECERR)


@cocotb.test()
async def a_response_to_the_last_burst_that_is_an_error(dut):
    """The batch is not complete."""
    board = Board(dut, 10)
    await board.reset()
    board.memory.write_if.responses = lambda: AxiResp.SLVERR
    await board.start(0, SIZE // 2, 1)
    await board.cycles(300)
    await cleared_one_by_one(board, Error.WRITE_RESPONSE)
    await stopped_until_reset(board, 0)


@cocotb.test()
async def a_response_that_nobody_waits_for(dut):
    board = Board(dut, 11)
    await board.reset()
    await board.right_batch()
    await board.memory.write_if.respond(AxiResp.OKAY)
    await board.cycles(10)
    await cleared_one_by_one(board, Error.WRITE_PROTOCOL)
    await stopped_until_reset(board, 1)


@cocotb.test()
async def a_response_before_its_data(dut):
    board = Board(dut, 12)
    await board.reset()
    await board.right_batch()
    board.memory.write_if.w_channel.pause = True
    await board.start(0, SIZE // 2, 1)
    await RisingEdge(dut.m_axi_awvalid)
    await board.cycles(20)
    await board.memory.write_if.respond(AxiResp.OKAY)
    await board.cycles(20)
    board.memory.write_if.w_channel.pause = False
    await board.cycles(300)
    await cleared_one_by_one(board, Error.WRITE_PROTOCOL)
    await stopped_until_reset(board, 1)


async def broken_stream(dut, seed, signal):
    """Let the accelerator break its stream while its beat waits; here that loses nothing."""
    board = Board(dut, seed)
    await board.reset()
    write = board.memory.write_if
    write.aw_channel.pause = write.w_channel.pause = True
    frames = 2048 // board.frame_out + 1
    await board.start(0, SIZE // 2, frames)
    await board.cycles(1000)
    assert dut.out_tvalid.value == 1 and dut.out_tready.value == 0
    assert await board.read(Register.ERRORS) == 0
    signal.value = 1
    await board.cycles(3)
    signal.value = 0
    await board.cycles(3)
    await cleared_one_by_one(board, Error.STREAM)
    write.aw_channel.pause = write.w_channel.pause = False
    await board.finished()
    assert await board.read(Register.ERRORS) == 0
    await board.right_batch()


@cocotb.test()
async def a_beat_that_is_withdrawn(dut):
    await broken_stream(dut, 13, dut.withdraw)


@cocotb.test()
async def a_beat_that_changes(dut):
    await broken_stream(dut, 14, dut.change)


@cocotb.test()
async def a_batch_too_many(dut):
    board = Board(dut, 15)
    await board.reset()
    board.memory.read_if.ar_channel.pause = True
    for count in range(1, 5):
        await board.start(*board.place())
        status = await board.read(Register.STATUS)
        assert status == (Status.BUSY | (Status.FULL if count == 4 else 0)) | count << 8
    await board.write(Register.CONTROL, Control.START)
    await cleared_one_by_one(board, Error.OVERRUN)
    assert queued(await board.read(Register.STATUS)) == 4
    board.memory.read_if.ar_channel.pause = False
    await board.finished()
    assert await board.read(Register.BATCHES) == 4
    await board.right_batch()


@cocotb.test()
async def a_batch_during_a_reset(dut):
    board = Board(dut, 16)
    board.steady(300)
    await board.reset()
    source, target, frames = board.place()
    await board.start(source, target, frames)
    await RisingEdge(dut.m_axi_arvalid)
    await board.write(Register.CONTROL, Control.RESET)
    await board.write(Register.CONTROL, Control.START)
    assert await board.read(Register.STATUS) == Status.RESETTING
    await board.until(lambda status: status == Status.IDLE)
    await cleared_one_by_one(board, Error.OVERRUN)
    board.forgive(target, frames)
    await board.right_batch()


@cocotb.test()
async def batches_that_can_not_be(dut):
    board = Board(dut, 17)
    await board.reset()
    space = 1 << board.size["ADDRESS_BITS"]
    most = (space - 1) // max(board.frame_in, board.frame_out)
    wrong = [(4, 0, 1), (0, 4, 1), (1, 2, 1), (0, 0, 0)]
    wrong += [(space, 0, 1), (0, space, 1)] if space < 1 << 64 else []
    wrong += [(0, 0, most + 1), (0, 0, (1 << 32) - 1)] if most < (1 << 32) - 1 else []
    for source, target, frames in wrong:
        await board.describe(source, target, frames)
        await board.write(Register.CONTROL, Control.START)
        assert queued(await board.read(Register.STATUS)) == 0
        await cleared_one_by_one(board, Error.DESCRIPTOR)
    assert not board.monitor.reads and not board.monitor.writes
    # The largest possible batch is accepted.
    board.memory.read_if.ar_channel.pause = True
    await board.describe(0, 0, min(most, (1 << 32) - 1))
    await board.write(Register.CONTROL, Control.START)
    assert queued(await board.read(Register.STATUS)) == 1
    assert await board.read(Register.ERRORS) == 0
    await board.write(Register.CONTROL, Control.RESET)
    board.memory.read_if.ar_channel.pause = False
    await board.until(lambda status: status == Status.IDLE)
    await board.right_batch()
