"""Threads, processes and accelerators at the same time: right results, or an error."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from irnet_hw.artifact import manifest
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator
from irnet_hw.runtime import accelerator as driver
from irnet_hw.simulate.board import SimulatedBoard
from tests.runtime.images import IMAGES

CLOSED = "accelerator: was closed; make a new one"


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of two frames, so that a call takes many."""
    frame = int(np.prod(IMAGES.shape[1:]))
    monkeypatch.setattr(driver, "_LEAST", 2 * frame)
    monkeypatch.setattr(driver, "_MOST", 2 * frame)


@pytest.fixture
def own(built, small_batches):  # noqa: ARG001 (patched first)
    with Accelerator(built, device="sim") as found:
        yield found


def windows(count):
    """Different images for each call."""
    return [slice(start, start + 9) for start in range(count)]


def at_once(calls):
    """Call all functions at the same time; return their results."""
    barrier = threading.Barrier(len(calls))

    def call(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, one) for one in calls]]


def test_threads_that_share_an_accelerator_get_their_own_results(own, expected):
    parts = windows(8)
    calls = [lambda part=part: own.logits(IMAGES[part]) for part in parts]
    calls += [lambda: own.throughput_test(20), own.info]
    *found, speed, info = at_once(calls)
    for part, logits in zip(parts, found, strict=True):
        assert np.array_equal(logits, expected[part])
    assert (speed["frames"], speed["batches"]) == (20, 10)
    assert info["state"].startswith("STATUS 0x1 (IDLE; 0 queued), ERRORS 0x0 (none)")


@pytest.mark.usefixtures("small_batches")
def test_accelerators_on_threads_are_opened_and_used_at_the_same_time(built, expected, monkeypatch):
    """With relative paths: nothing may change the process' current folder meanwhile."""
    monkeypatch.chdir(built.parent)

    def use(part):
        with Accelerator(built.name, device="sim") as accelerator:
            return accelerator.logits(IMAGES[part])

    parts = windows(4)
    for part, logits in zip(
        parts, at_once([lambda part=part: use(part) for part in parts]), strict=True
    ):
        assert np.array_equal(logits, expected[part])


@pytest.mark.usefixtures("small_batches")
def test_accelerators_on_one_device_take_turns(built, expected):
    board = SimulatedBoard(built, manifest.load(built))
    first, second = Accelerator(built, board), Accelerator(built, board)
    for count, accelerator in enumerate((first, second, second, first, second), 5):
        assert np.array_equal(accelerator.logits(IMAGES[:count]), expected[:count])
    parts = windows(4)
    calls = [
        lambda part=part, one=one: one.logits(IMAGES[part])
        for part, one in zip(parts, (first, second, first, second), strict=True)
    ]
    for part, logits in zip(parts, at_once(calls), strict=True):
        assert np.array_equal(logits, expected[part])
    first.close()
    with pytest.raises(UserError) as caught:
        second.logits(IMAGES)
    assert str(caught.value) == f"{built}: the simulated board was closed; make a new one"


def test_another_bitstream_in_the_device_is_told(built, least_built):
    board = SimulatedBoard(built, manifest.load(built))
    with Accelerator(built, board) as accelerator:
        loaded = SimulatedBoard(least_built, manifest.load(least_built))
        board._board, loaded._board = loaded._board, board._board
        board._library, loaded._library = loaded._library, board._library
        with pytest.raises(UserError) as caught:
            accelerator.logits(IMAGES)
        loaded.close()
    assert str(caught.value).startswith("identity: the bitstream's is ")


class Announced(SimulatedBoard):
    """A board that signals when the driver waits for the second batch."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.waits, self.reached, self.go_on = 0, threading.Event(), threading.Event()

    def wait(self, seconds):
        self.waits += 1
        if self.waits == 2:
            self.reached.set()
            assert self.go_on.wait(60)
        super().wait(seconds)


@pytest.mark.usefixtures("small_batches")
def test_closing_while_another_thread_predicts_is_an_error_there(built):
    board = Announced(built, manifest.load(built))
    accelerator = Accelerator(built, board)
    with ThreadPoolExecutor(3) as pool:
        running = pool.submit(accelerator.logits, IMAGES)
        assert board.reached.wait(60)
        waiting = pool.submit(accelerator.predict, IMAGES)
        closing = pool.submit(accelerator.close)
        while accelerator._open:
            pass
        board.go_on.set()
        for one in (running, waiting):
            assert isinstance(one.exception(), UserError)
            assert str(one.exception()) == CLOSED
        closing.result()
    assert accelerator._slots == []
    assert board._board is None
    accelerator.close()


@pytest.mark.usefixtures("small_batches")
def test_a_handler_of_a_signal_can_close_and_can_not_predict(built, expected):
    board = Announced(built, manifest.load(built))
    board.go_on.set()
    accelerator = Accelerator(built, board)
    errors = []

    def handler(*_):
        with pytest.raises(UserError) as caught:
            accelerator.logits(IMAGES[:1])
        errors.append(str(caught.value))
        accelerator.close()

    before = signal.signal(signal.SIGUSR1, handler)
    board.reached.set = lambda: os.kill(os.getpid(), signal.SIGUSR1)
    try:
        with pytest.raises(UserError) as caught:
            accelerator.logits(IMAGES)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert str(caught.value) == CLOSED
    assert errors == ["accelerator: this thread is already using it, so a signal handler can't"]
    assert board._board is None
    with Accelerator(built, device="sim") as another:
        assert np.array_equal(another.logits(IMAGES), expected)


def test_a_forked_process_can_not_use_it_nor_close_it(own, expected):
    read, write = os.pipe()
    # If a thread holds the lock while another one forks, the lock stays held in the child.
    with own._device.lock:
        child = os.fork()
        if child == 0:
            try:
                own.predict(IMAGES)
            except UserError as error:
                os.write(write, str(error).encode())
            own.close()
            os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    with os.fdopen(read) as pipe:
        assert pipe.read() == (
            f"accelerator: belongs to process {os.getpid()}, but this is process {child}, "
            "forked from it; make a new one in each process"
        )
    assert np.array_equal(own.logits(IMAGES), expected)


def test_a_board_can_be_used_from_threads(built):
    """On its own, without the driver's lock."""
    board = SimulatedBoard(built, manifest.load(built))
    identity = [board.read(offset) for offset in range(0x10, 0x20, 4)]

    def use():
        found = []
        for _ in range(20):
            found.append([board.read(offset) for offset in range(0x10, 0x20, 4)])
            board.wait(1e-6)
        return found

    assert at_once([use] * 4) == [[identity] * 20] * 4
    board.close()
    for call in (lambda: board.read(0), lambda: board.wait(1e-6), board.now, board.words):
        with pytest.raises(UserError):
            call()
    board.close()
