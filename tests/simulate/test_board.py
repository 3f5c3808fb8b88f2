"""The simulated board's own rules: what the memory checks, caches, time and registers."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import shell_digest
from irnet_hw.artifact.registers import Control, Interrupt, Register, Status
from irnet_hw.errors import UserError
from irnet_hw.simulate.board import TIMING, SimulatedBoard
from tests.manifests import changed
from tests.networks import LEAST

#: The messages for bad_board.sv's faults, in order.
FAULTS = [
    "AR crosses 4 KiB",
    "AR asks for more than 16 beats",
    "AR is not an INCR burst of 64-bit words",
    "AR has an address that is not a multiple of 8",
    "AR was withdrawn or changed before it was taken",
    "WLAST too early",
    "WLAST missing",
    "W was withdrawn or changed before it was taken",
]
FRAME = int(np.prod(LEAST.image))


@pytest.fixture(scope="module")
def board(least_built):
    found = SimulatedBoard(least_built, manifest.load(least_built))
    yield found
    found.close()


@pytest.fixture
def idle(board):
    """The board after a reset, with no interrupt enabled."""
    board.write(Register.INTERRUPT, 0)
    board.write(Register.CONTROL, Control.RESET)
    board.wait(1e-6)
    assert board.read(Register.STATUS) == Status.IDLE
    return board


def start(board, source, target, frames=1):
    for register, value in (
        (Register.SOURCE_LOW, source.address),
        (Register.TARGET_LOW, target.address),
        (Register.FRAMES, frames),
        (Register.CONTROL, Control.START),
    ):
        board.write(register, value)


def test_a_register_takes_its_time(idle):
    before = idle.cycle()
    idle.read(Register.STATUS)
    idle.write(Register.FRAMES, 1)
    assert idle.cycle() - before == 2 * TIMING.access


def test_a_register_beyond_the_map_answers_with_an_error(idle, least_built):
    for access in (lambda: idle.read(0x400), lambda: idle.write(0x400, 0)):
        with pytest.raises(UserError) as caught:
            access()
        assert str(caught.value) == f"{least_built}: the register at 0x400 answers SLVERR"


def test_simulated_time_passes_as_the_clock_says(idle):
    start = idle.now()
    idle.wait(1e-6)
    assert idle.now() - start == pytest.approx(1e-6)
    idle.set_clock(50.0)
    assert idle.now() - start == pytest.approx(1e-6)
    idle.wait(1e-6)
    assert idle.now() - start == pytest.approx(2e-6)
    idle.set_clock(100.0)


def test_the_interrupt_ends_the_wait(idle):
    source, target = idle.allocate(64), idle.allocate(64)
    idle.write(Register.INTERRUPT, Interrupt.DONE)
    start(idle, source, target)
    began = idle.now()
    idle.wait(1.0)
    assert idle.now() - began < 1e-4
    assert idle.read(Register.DONE) == 1
    for buffer in (source, target):
        buffer.free()


def test_the_memory_is_seen_through_a_cache(idle):
    source, target = idle.allocate(64), idle.allocate(64)
    source.array[:] = 1
    source.invalidate(64)
    assert not source.array.any()  # it had not been flushed
    source.array[:] = 1
    source.flush(40)
    source.array[:] = 2
    source.invalidate(30)
    assert list(source.array) == [1] * 30 + [2] * 34
    source.invalidate(64)
    assert list(source.array) == [1] * 40 + [0] * 24
    start(idle, source, target)
    idle.wait(1e-5)
    assert not target.array.any()
    target.invalidate(64)
    assert target.array[: 4 * LEAST.classes].any()
    assert not target.array[4 * LEAST.classes :].any()
    for buffer in (source, target):
        buffer.free()


def test_beyond_a_buffer_the_memory_answers_with_an_error(idle):
    source, target = idle.allocate(64), idle.allocate(64)
    start(idle, source, target, frames=1000)
    idle.wait(1e-4)
    assert idle.read(Register.ERRORS) & 0b11
    for buffer in (source, target):
        buffer.free()


def test_transfers_are_counted(idle):
    source, target = idle.allocate(64), idle.allocate(64)
    before = idle.words()
    start(idle, source, target)
    idle.wait(1e-5)
    words = [now - then for now, then in zip(idle.words(), before, strict=True)]
    assert words == [FRAME // 8, LEAST.classes * 4 // 8]
    for buffer in (source, target):
        buffer.free()


@pytest.fixture(scope="module")
def bad(least_built, tmp_path_factory):
    """The folder of a board that breaks the rules."""
    folder = shutil.copytree(least_built, tmp_path_factory.mktemp("bad") / "build")
    content = manifest.load(folder)
    source = Path(__file__).with_name("bad_board.sv")
    shutil.copyfile(source, folder / content.shell.top_file)
    manifest.write(changed(content, {"hashes.shell": shell_digest(content, folder)}), folder)
    return folder


@pytest.mark.parametrize("fault", range(len(FAULTS) + 1))
def test_what_breaks_axi_is_told(bad, fault):
    board = SimulatedBoard(bad, manifest.load(bad))
    buffer = board.allocate(4096)
    assert buffer.address == 0x1000_0000
    if not fault:
        board.write(0, 0)
        board.wait(1e-6)
        assert board.words()[0] > 20
    else:
        with pytest.raises(UserError) as caught:
            board.write(4 * fault, 0)
            board.wait(1e-6)
        message, _, cycle = str(caught.value).rpartition(", in cycle ")
        assert message == f"{bad}: the shell breaks AXI: {FAULTS[fault - 1]}"
        assert 0 < int(cycle) < 200
    board.close()


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("rtl/accelerator.sv", "a source or hex file in rtl/"),
        ("rtl/IntMVAU_rtl_0_weights.hex", "a source or hex file in rtl/"),
        ("shell/irnet_shell.sv", "a source in shell/"),
    ],
)
def test_changed_sources_are_refused(least_dir, file, what):
    path = least_dir / file
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as caught:
        SimulatedBoard(least_dir, manifest.load(least_dir))
    assert str(caught.value) == f"{least_dir}: {what} was changed since the build; build it again"
    path.unlink()
    with pytest.raises(UserError) as caught:
        SimulatedBoard(least_dir, manifest.load(least_dir))
    wanted = f"{path}: can't be read: No such file or directory; build it again"
    assert str(caught.value) == wanted
