"""The driver on ``pynq``, with the simulated board in place of a real one."""

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

from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import identity as manifest_identity
from irnet_hw.boards import known_boards, load_board
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator, boards, pynq_device
from irnet_hw.runtime import accelerator as driver
from tests.manifests import changed, route
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
    (folder / "bitstream" / "route.json").write_text(route(identity_of(folder), reached))
    with Accelerator(folder) as accelerator:
        assert accelerator.info()["clock_mhz"] == pytest.approx(clock)


def test_an_interrupt_is_waited_for(folder, pynq, expected, monkeypatch, tmp_path):
    """A pipe replaces the kernel's file: once enabled, it has an interrupt to read at once."""
    (tmp_path / "uio" / "uio3").mkdir(parents=True)
    (tmp_path / "uio" / "uio3" / "name").write_text("fabric\n")
    os.mkfifo(tmp_path / "uio3")
    monkeypatch.setattr(pynq_device, "_DEV", tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("the interrupt is not waited for"))
    monkeypatch.setattr(driver, "_MORE", 60.0)  # the simulated board is slow
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
            "memory: 268435456 bytes for images and results can't be allocated (Failed to "
            "allocate Memory!); close other programs that use the board's contiguous memory"
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
    """The second accelerator reloads the bitstream; the first one can still be used."""
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


@pytest.mark.parametrize("metadata", [True, False])
def test_the_memorys_port_is_64_bits_wide_whatever_was_there_before(folder, pynq, metadata):
    """PYNQ sets no port widths on a Zynq-7000, nor on any board without a .hwh file."""
    if not metadata:
        (folder / "bitstream" / "irnet.hwh").unlink()
    pynq.step = 1e-6
    narrow = {0xF800_8000: 0x1, 0xF800_8014: 0xF01}
    pynq.processor.update(narrow)
    Accelerator(folder).close()
    assert pynq.processor == {address: value & ~1 for address, value in narrow.items()}


def identity_of(folder):
    return manifest.load(folder).shell.identity


def refusal(folder):
    with pytest.raises(UserError) as caught:
        Accelerator(folder)
    return str(caught.value)


@pytest.mark.parametrize("version", ["2.7.0", "3.1.2", ""])
def test_versions_of_pynq_that_the_board_has_are_taken(folder, pynq, monkeypatch, version):
    monkeypatch.setattr(pynq, "__version__", version, raising=False)
    pynq.step = 1e-6
    Accelerator(folder).close()


@pytest.mark.parametrize("version", ["2.6.1", "3.1.3", "4.0.0", "4.0.0rc1"])
def test_other_versions_of_pynq_are_refused(folder, pynq, monkeypatch, version):
    monkeypatch.setattr(pynq, "__version__", version, raising=False)
    assert refusal(folder) == (
        f"pynq: version {version}, but the PYNQ-Z2 needs PYNQ 2.7 to 3.1.2; write such an image "
        "to the board's SD card"
    )
    assert pynq.loaded is None


def test_every_board_is_known_to_the_driver():
    assert list(boards.BOARDS) == known_boards()
    for name, known in boards.BOARDS.items():
        found = load_board(name)
        assert known.title == found.title
        assert found.register_base in known.fabric
    boards.board("zcu104").require_version("4.0.0")
    with pytest.raises(UserError) as caught:
        boards.board("zcu102")
    assert str(caught.value) == "board: zcu102, must be one of aup-zu3, kv260, pynq-z2, zcu104"


ROOT = "run Python as root, as the board's Jupyter does (sudo -E python3)"
NO_FPGA = "pynq sees no FPGA; run as root in the environment of the board's image, where "
METADATA = "irnet.hwh next to the bitstream is missing, damaged or from another run; copy "
REBOOT = "make sure that the image has PYNQ 2.7 to 3.1.2, and that nothing else uses the"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        ("Overlay", RuntimeError("No Devices Found"), f"No Devices Found; {NO_FPGA}"),
        ("Overlay", RuntimeError("Could not open device with index '0'"), NO_FPGA),
        ("Overlay", PermissionError(13, "Permission denied", "/dev/mem"), ROOT),
        ("Overlay", OSError("Root permissions required."), ROOT),
        ("Overlay", RuntimeError("Unable to find metadata\nfor bitstream"), METADATA),
        ("Overlay", KeyError("zynq"), METADATA),
        ("Overlay", RuntimeError("Invalid length found"), "the bitstream is damaged; copy or"),
        ("Overlay", OSError(110, "Connection timed out"), REBOOT),
        ("Overlay", ValueError(), f"ValueError; {REBOOT}"),
        ("MMIO", OSError("Root permissions required."), ROOT),
    ],
)
def test_what_pynq_raises_says_what_to_do(folder, pynq, call, error, said):
    pynq.raises[call] = error
    message = refusal(folder)
    assert message.startswith(f"{folder / 'bitstream' / 'irnet.bit'}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize("error", [RuntimeError("bo"), OSError(12, "no memory"), TypeError("x")])
def test_memory_is_refused_in_many_ways(folder, pynq, error):
    pynq.step = 1e-6
    with Accelerator(folder) as accelerator:
        pynq.raises["allocate"] = error
        with pytest.raises(UserError, match=r"can't be allocated .*; close other programs"):
            accelerator.logits(IMAGES)


def test_a_clock_that_the_board_can_not_have_is_told(folder, pynq):
    (folder / "bitstream" / "route.json").write_text(route(identity_of(folder), 0.5))
    assert refusal(folder) == "clock_mhz: 0.5, but the board can't go below 15.873"
    assert pynq.loaded is not None


@pytest.mark.parametrize("reached", ["-5", "0", "Infinity", "NaN", "1e999", '"62"', "null"])
def test_a_clock_that_is_none_is_refused(folder, pynq, reached):
    file = folder / "bitstream" / "route.json"
    file.write_text(route(identity_of(folder), reached))
    assert refusal(folder).startswith(f"{file}: ")
    assert pynq.loaded is None


def test_registers_elsewhere_than_in_the_fabric_are_refused(folder, pynq):
    """A manifest must not make the driver write to memory."""
    content = manifest.load(folder)
    content = changed(content, {"shell.base_address": 0x0010_0000})
    content = changed(content, {"shell.identity": manifest_identity(content)})
    manifest.write(content, folder)
    assert refusal(folder) == (
        "base_address: 0x100000, must be in the PYNQ-Z2's range for the fabric, from "
        "0x40000000 to 0x7fffffff; build it again"
    )
    assert pynq.loaded is None


def test_a_package_is_called_as_the_user_calls_it(folder, pynq, tmp_path):
    pynq.raises["Overlay"] = RuntimeError("No Devices Found")
    package = shutil.make_archive(str(tmp_path / "package"), "zip", folder)
    assert refusal(package).startswith(f"{package}: bitstream/irnet.bit: No Devices Found; ")
