"""Bytes per cycle, with a memory latency like a board's."""

import json
import os
from pathlib import Path

import cocotb

from tests.rtl.shell.board_bench import SIZE, Board


@cocotb.test()
async def rate(dut):
    board = Board(dut, 1)
    board.steady(35)
    await board.reset()
    # An odd number, so that a batch may end within a word.
    frames = int(os.environ["BYTES"]) // max(board.frame_in, board.frame_out) - 1 | 1
    for _ in range(4):
        await board.start(0, SIZE // 2, frames)
    await board.finished()
    monitor, frames = board.monitor, 4 * frames
    Path(os.environ["RESULT"]).write_text(
        json.dumps(
            {
                "frames": frames,
                "bytes_in": frames * board.frame_in,
                "bytes_out": frames * board.frame_out,
                "cycles": monitor.responses[-1] - monitor.answers[4] + 1,
                "most_reading": monitor.most_reading,
                "most_writing": monitor.most_writing,
                "pauses_in": monitor.entered[-1] - monitor.entered[0] + 1 - len(monitor.entered),
                "pauses_out": monitor.left[-1] - monitor.left[0] + 1 - len(monitor.left),
            }
        )
    )
