"""Resets at any moment: afterwards the shell is as at the start, and a batch is right."""

import cocotb

from irnet_hw.artifact.registers import Control, Register, Status
from tests.rtl.shell.board_bench import Board

COUNTERS = [
    Register.ERRORS,
    Register.DONE,
    Register.BATCHES,
    Register.FRAMES_IN,
    Register.FRAMES_OUT,
    Register.CYCLES_LOW,
    Register.CYCLES_HIGH,
    Register.LATENCY,
    Register.INTERVAL,
]
DESCRIPTION = [Register.SOURCE_LOW, Register.TARGET_LOW, Register.FRAMES]


async def reset_at_random(board, reset, times, description):
    """Reset at random moments while batches run."""
    await board.reset()
    for _ in range(times):
        placed = [board.place() for _ in range(board.rng.randint(1, 4))]
        for batch in placed:
            await board.start(*batch)
        await board.cycles(board.rng.randrange(250))
        await reset()
        assert await board.read(Register.STATUS) == Status.IDLE
        assert [await board.read(register) for register in COUNTERS] == [0] * len(COUNTERS)
        found = [await board.read(register) for register in DESCRIPTION]
        assert found == (list(placed[-1]) if description else [0, 0, 0])
        await board.cycles(100)  # nothing continues
        board.monitor.check_ended()
        for _, target, frames in placed:
            board.forgive(target, frames)
        await board.right_batch()
        await board.soft_reset()


@cocotb.test()
async def soft_resets(dut):
    board = Board(dut, 1)
    board.stall(p_registers=0.0)
    lengths = []

    async def watch():
        length = 0
        while True:
            await board.cycles(1)
            if dut.acc_rst_n.value != 1:
                length += 1
            elif length:
                lengths.append(length)
                length = 0

    cocotb.start_soon(watch())
    await reset_at_random(board, board.soft_reset, 8, True)
    assert min(lengths[1:]) >= 16


@cocotb.test()
async def hard_resets(dut):
    board = Board(dut, 2)
    board.stall(p_registers=0.0)

    async def reset():
        await board.reset(board.rng.randint(1, 4))

    await reset_at_random(board, reset, 8, False)


@cocotb.test()
async def hard_resets_during_register_accesses(dut):
    board = Board(dut, 3)
    board.stall()
    await board.reset()
    for _ in range(20):
        board.master.init_read(Register.STATUS, 4)
        board.master.init_write(Register.FRAMES, bytes([7, 0, 0, 0]))
        board.master.init_write(Register.CONTROL, bytes([1, 0, 0, 0]))
        await board.cycles(board.rng.randrange(20))
        await board.reset(1)
        assert await board.read(Register.FRAMES) == 0
        assert await board.read(Register.STATUS) == Status.IDLE
    await board.right_batch()


@cocotb.test()
async def a_soft_reset_waits_for_the_memory(dut):
    board = Board(dut, 4)
    await board.reset()
    board.steady(2000)
    source, target, frames = board.place()
    await board.start(source, target, frames)
    await board.cycles(50)
    assert board.monitor.reading > 0
    await board.write(Register.CONTROL, Control.RESET)
    for _ in range(10):
        await board.cycles(100)
        assert await board.read(Register.STATUS) == Status.RESETTING
        assert dut.acc_rst_n.value == 0
    board.steady(0)
    await board.until(lambda status: status == Status.IDLE)
    board.monitor.check_ended()
    board.forgive(target, frames)
    await board.right_batch()


@cocotb.test()
async def soft_resets_one_after_the_other(dut):
    board = Board(dut, 5)
    board.stall()
    await board.reset()
    placed = board.place()
    await board.start(*placed)
    for _ in range(10):
        await board.write(Register.CONTROL, Control.RESET | Control.START)
    await board.until(lambda status: status == Status.IDLE)
    board.forgive(placed[1], placed[2])
    await board.right_batch()
