"""The driver on a board's ``pynq``, for which the simulated board stands in."""

import fcntl
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator, pynq_device
from irnet_hw.runtime import accelerator as driver
from tests.runtime.images import IMAGES
from tests.runtime.pynq_stand_in import Pynq


@pytest.fixture
def folder(built, tmp_path):
    """An accelerator with a bitstream by Vivado."""
    folder = shutil.copytree(built, tmp_path / "board")
    (folder / "bitstream").mkdir()
    for name in ("irnet.bit", "irnet.hwh"):
        (folder / "bitstream" / name).touch()
    return folder


@pytest.fixture
def pynq(built, monkeypatch, tmp_path):
    found = Pynq(built)
    monkeypatch.setitem(sys.modules, "pynq", found)
    monkeypatch.setattr(pynq_device, "_UIO", tmp_path / "uio")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the board's lock is
    return found


def test_the_same_results_come_from_a_board(folder, pynq, expected):
    with Accelerator(folder) as accelerator:
        assert pynq.loaded == ("Overlay", str(folder / "bitstream" / "irnet.bit"))
        assert np.array_equal(accelerator.logits(IMAGES), expected)
        result = accelerator.throughput_test(20)
    assert (result["kind"], result["clock_mhz"]) == ("board", 100.0)
    assert result["seconds"] > 0


def test_a_bitstream_without_metadata_is_loaded_too(folder, pynq):
    (folder / "bitstream" / "irnet.hwh").unlink()
    with Accelerator(folder):
        assert pynq.loaded == ("Bitstream", str(folder / "bitstream" / "irnet.bit"))


@pytest.mark.usefixtures("pynq")
@pytest.mark.parametrize(("reached", "clock"), [(62.4, 1000 / 17), (62.5, 62.5), (99.0, 1000 / 11)])
def test_the_clock_is_never_above_what_was_reached(folder, reached, clock):
    (folder / "bitstream" / "route.json").write_text(f'{{"clock_mhz": {reached}}}')
    with Accelerator(folder) as accelerator:
        assert accelerator.info()["clock_mhz"] == pytest.approx(clock)


def test_an_interrupt_is_waited_for(folder, pynq, expected, monkeypatch, tmp_path):
    """A pipe stands for the kernel's file: enabled, it has an interrupt to be read at once."""
    (tmp_path / "uio" / "uio3").mkdir(parents=True)
    (tmp_path / "uio" / "uio3" / "name").write_text("fabric\n")
    os.mkfifo(tmp_path / "uio3")
    monkeypatch.setattr(pynq_device, "_DEV", tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("the interrupt is not waited for"))
    monkeypatch.setattr(driver, "_MORE", 60.0)  # a second of the simulated board takes long
    pynq.step = 1e-5
    with Accelerator(folder) as accelerator:
        assert np.array_equal(accelerator.logits(IMAGES), expected)
        handle = accelerator._device._uio
        assert os.fstat(handle).st_ino == (tmp_path / "uio3").stat().st_ino
    with pytest.raises(OSError):
        os.fstat(handle)


@pytest.mark.usefixtures("pynq")
def test_memory_that_can_not_be_had_is_told(folder, monkeypatch, expected):
    monkeypatch.setattr(driver, "_MOST", 2**28)
    with Accelerator(folder) as accelerator:
        with pytest.raises(UserError) as caught:
            accelerator.logits(IMAGES)
        assert str(caught.value) == (
            "memory: 268435456 bytes for images and results can't be had "
            "(Failed to allocate Memory!); close what else uses the board's contiguous memory"
        )
        monkeypatch.setattr(accelerator, "_most", 100)
        assert np.array_equal(accelerator.logits(IMAGES), expected)


def test_a_build_without_bitstream_is_refused(built):
    with pytest.raises(UserError) as caught:
        Accelerator(built)
    assert str(caught.value) == (
        f"{built}: has no bitstream/irnet.bit; build it with irnet-hw build --flow, or "
        'simulate the board with device="sim"'
    )


def test_a_machine_that_is_no_board_is_refused(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(UserError) as caught:
        Accelerator(folder)
    assert str(caught.value) == (
        "pynq: can't be imported (import of pynq halted; None in sys.modules); must run on a "
        'PYNQ board, or simulate it with device="sim"'
    )


def test_threads_and_processes_take_turns_on_the_board(folder, pynq, expected):
    """The second accelerator loads the bitstream anew; the first one can still be used."""
    first = Accelerator(folder)
    second = Accelerator(folder)
    assert first._device.lock is second._device.lock
    first._device._registers = second._device._registers  # there is one fabric
    first._device._pynq = pynq
    with ThreadPoolExecutor(2) as pool:
        parts = [IMAGES[:7], IMAGES[7:20], IMAGES[20:]]
        found = list(pool.map(lambda one, part: one.logits(part), (first, second, first), parts))
    assert np.array_equal(np.concatenate(found), expected)
    path = Path(tempfile.gettempdir()) / "irnet-hw-board.lock"
    with path.open() as other:
        with first._device.lock, first._device.lock, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    first.close()
    second.close()
