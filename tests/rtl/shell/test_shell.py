"""The shell around small accelerators, with real AXI traffic."""

import json

import pytest

from tests.rtl.shell.designs import BOARDS, compile_board


def run(bench, board, **environment):
    environment["BOARD"] = json.dumps(BOARDS[board])
    compile_board(board).run(f"tests.rtl.shell.{bench}", environment)


@pytest.mark.parametrize("board", BOARDS)
def test_batches_of_any_size_from_and_to_any_place(board):
    run("transfer_bench", board)


@pytest.mark.parametrize("board", BOARDS)
def test_counters_are_what_passes_at_the_ports(board):
    run("counter_bench", board)


@pytest.mark.parametrize("board", ["least"])
def test_registers(board):
    run("register_bench", board)


@pytest.mark.parametrize("board", ["pixels", "wide"])
def test_every_error_has_its_flag(board):
    run("error_bench", board)


@pytest.mark.parametrize("board", ["words", "many"])
def test_resets_at_any_moment(board):
    run("reset_bench", board)


def rates(board, size, folder):
    """Return the rates of a board for batches of a size in bytes."""
    result = folder / "rate.json"
    run("rate_bench", board, RESULT=str(result), BYTES=str(size))
    return json.loads(result.read_text())


def test_nine_tenths_of_the_port_both_ways_at_once(tmp_path):
    found = rates("words", 32768, tmp_path)
    into, out = (found[f"bytes_{way}"] / found["cycles"] for way in ("in", "out"))
    print(f"{into:.3f} bytes a cycle in, {out:.3f} out, of 8")
    assert min(into, out) > 0.9 * 8
    assert found["pauses_in"] == found["pauses_out"] == 0
    assert found["most_reading"] >= 5 and found["most_writing"] >= 4


@pytest.mark.parametrize("board", ["pixels", "least"])
def test_an_accelerator_slower_than_the_port_never_waits(board, tmp_path):
    assert rates(board, 2048, tmp_path)["pauses_out"] == 0
