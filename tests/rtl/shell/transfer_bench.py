"""Batches of any size from and to any address, with random timing of memory and driver."""

import cocotb

from irnet_hw.artifact.registers import Register
from tests.rtl.shell.board_bench import Board


def words(bursts):
    """Return the addresses of the words of bursts."""
    return [address + 8 * i for address, beats in bursts for i in range(beats)]


async def random_batches(board, count):
    """Queue random batches, as many at once as fit; check memory, addresses and counters."""
    await board.reset()
    frames, reads, writes = 0, [], []
    for _ in range(count):
        source, target, size = board.place()
        await board.queue_is_not_full()
        await board.start(source, target, size)
        frames += size
        reads += range(source, source + board.frame_in * size, 8)
        writes += range(target, target + board.frame_out * size, 8)
    await board.finished()
    assert words(board.monitor.reads) == reads
    assert words(board.monitor.writes) == writes
    assert await board.read(Register.ERRORS) == 0
    assert await board.read(Register.DONE) == 1
    assert await board.read(Register.BATCHES) == count
    assert await board.read(Register.FRAMES_IN) == frames
    assert await board.read(Register.FRAMES_OUT) == frames


@cocotb.test()
async def batches_with_a_prompt_memory(dut):
    await random_batches(Board(dut, 1), 12)


@cocotb.test()
async def batches_with_a_late_memory(dut):
    board = Board(dut, 2)
    board.steady(40)
    await random_batches(board, 12)


@cocotb.test()
async def batches_with_a_memory_that_stalls(dut):
    board = Board(dut, 3)
    board.stall()
    await random_batches(board, 12)


@cocotb.test()
async def one_frame_at_every_place_before_a_border(dut):
    board = Board(dut, 4)
    board.stall(p_bus=0.2, p_registers=0.0, latency=4)
    await board.reset()
    for words in range(0, 40, 3):
        await board.queue_is_not_full()
        await board.start(8192 - 8 * words, 49152 - 8 * (words + 1), 1)
    await board.finished()
    assert await board.read(Register.ERRORS) == 0
