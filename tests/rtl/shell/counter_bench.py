"""The counters, compared with counts taken here at the ports."""

import cocotb

from irnet_hw.artifact.registers import Register
from tests.rtl.shell.board_bench import Board


async def counted(board, batches):
    """Run batches one after the other, with idle time in between; compare after each."""
    await board.reset()
    monitor, size = board.monitor, board.size
    cycles = frames = interval = 0
    for _ in range(batches):
        source, target, count = board.place(6)
        entered, left = len(monitor.entered), len(monitor.left)
        await board.start(source, target, count)
        queued = monitor.answers[-1]  # busy from this cycle on
        await board.finished()
        done = monitor.responses[-1] + 2  # up to this one
        cycles += done - queued + 1
        frames += count
        assert len(monitor.entered) == frames * size["IN_BEATS"]
        assert len(monitor.left) == frames * size["OUT_BEATS"]
        ends = monitor.left[left + size["OUT_BEATS"] - 1 :: size["OUT_BEATS"]]
        if count > 1:
            interval = ends[-1] - ends[-2]
        assert await board.read(Register.CYCLES_LOW) == cycles
        assert await board.read(Register.CYCLES_HIGH) == 0
        assert await board.read(Register.LATENCY) == ends[0] - monitor.entered[entered] + 1
        assert await board.read(Register.INTERVAL) == interval
        assert await board.read(Register.FRAMES_IN) == frames
        assert await board.read(Register.FRAMES_OUT) == frames


@cocotb.test()
async def counters_with_a_prompt_memory(dut):
    await counted(Board(dut, 1), 6)


@cocotb.test()
async def counters_with_a_memory_that_stalls(dut):
    board = Board(dut, 2)
    board.stall()
    await counted(board, 6)


@cocotb.test()
async def several_batches_without_idle_are_one_measurement(dut):
    board = Board(dut, 3)
    board.steady(100)
    await board.reset()
    for _ in range(4):
        await board.start(*board.place(20))
    await board.finished()
    monitor, beats = board.monitor, board.size["OUT_BEATS"]
    ends = monitor.left[beats - 1 :: beats]
    assert await board.read(Register.LATENCY) == ends[0] - monitor.entered[0] + 1
    assert await board.read(Register.INTERVAL) == ends[-1] - ends[-2]
    assert await board.read(Register.CYCLES_LOW) == monitor.responses[-1] + 3 - monitor.answers[5]
