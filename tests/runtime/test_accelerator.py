"""The driver on the simulated board gives the QONNX run's results, and recovers from failures."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.registers import Register, Status
from irnet_hw.compiler.emission.board_top import write_shell
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator
from irnet_hw.runtime import accelerator as driver
from irnet_hw.simulate.board import SimulatedBoard
from tests.compiler.graphs import images
from tests.manifests import changed, route
from tests.networks import LEAST
from tests.runtime.images import IMAGES

SHAPE = IMAGES.shape[1:]
FRAME = int(np.prod(SHAPE))
CYCLES = 432  # per frame of the tiny network at its rate


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of three to five frames, so that few images fill more than the queue."""
    monkeypatch.setattr(driver, "_LEAST", 3 * FRAME)
    monkeypatch.setattr(driver, "_MOST", 5 * FRAME)


@pytest.fixture
def own(built, small_batches):  # noqa: ARG001 (patched first)
    """An accelerator whose batches are small, on a board that the test may break."""
    with Accelerator(built, device="sim") as found:
        yield found


def test_all_logits_are_the_networks(accelerator, expected):
    found = accelerator.logits(IMAGES)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)
    classes = accelerator.predict(IMAGES)
    assert classes.dtype == np.int64
    assert np.array_equal(classes, expected.argmax(axis=1))


def test_any_number_of_images_in_any_batches(built, expected):
    with pytest.MonkeyPatch.context() as patch, Accelerator(built, device="sim") as accelerator:

        @given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9))
        def check(count, least, most):
            patch.setattr(driver, "_LEAST", least * FRAME)
            patch.setattr(accelerator, "_most", most)
            accelerator._release()  # buffers are as large as the largest batch
            assert np.array_equal(accelerator.logits(IMAGES[:count]), expected[:count])
            step = min(max(-(-count // 4), least), most)
            assert accelerator._device.read(Register.BATCHES) == -(-count // step)
            assert accelerator._device.read(Register.FRAMES_IN) == count
            assert accelerator._device.read(Register.FRAMES_OUT) == count

        check()


def test_frames_never_pause_between_batches(own):
    result = own.throughput_test(200)
    assert result["batches"] == 40
    # All but the first frame come at the accelerator's pace.
    assert result["cycles"] < 200 * CYCLES + result["latency_cycles"] + 200
    assert result["interval_cycles"] == own.manifest.cycles_per_frame == CYCLES


def test_images_need_not_be_contiguous(accelerator, expected):
    reversed_images = np.ascontiguousarray(IMAGES[::-1])[::-1]
    assert not reversed_images.flags.c_contiguous
    assert np.array_equal(accelerator.logits(reversed_images), expected)
    assert np.array_equal(accelerator.logits(IMAGES[::3]), expected[::3])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (IMAGES.tolist(), "images: a list, must be a numpy array"),
        (IMAGES / 255, "images: float64 of shape [40, 6, 6, 2], must be uint8"),
        (IMAGES[0], "images: uint8 of shape [6, 6, 2], must be uint8"),
        (IMAGES[..., :1], "images: uint8 of shape [40, 6, 6, 1], must be uint8"),
    ],
)
def test_other_images_are_refused(accelerator, wrong, message):
    with pytest.raises(UserError) as caught:
        accelerator.logits(wrong)
    wanted = message + (" of shape [N, 6, 6, 2]" if message.endswith("uint8") else "")
    assert str(caught.value) == wanted


def test_throughput_is_that_of_the_hardware(accelerator):
    result = accelerator.throughput_test(100)
    assert result["kind"] == "sim" and result["clock_mhz"] == 100.0
    assert (result["frames"], result["batches"]) == (100, 1)
    assert result["interval_cycles"] == CYCLES
    assert result["cycles"] > 100 * CYCLES
    assert result["seconds"] > result["cycles"] / 1e8
    assert result["frames_per_second"] == pytest.approx(100 / result["seconds"])
    assert result["read_megabytes_per_second"] == pytest.approx(
        result["frames_per_second"] * FRAME / 1e6
    )
    assert result["written_megabytes_per_second"] == pytest.approx(
        result["frames_per_second"] * 12 / 1e6
    )
    assert result["latency_seconds"] == result["latency_cycles"] / 1e8
    assert 0 < result["overhead_seconds_per_batch"] < 1e-5
    with pytest.raises(UserError) as caught:
        accelerator.throughput_test(1)
    assert str(caught.value) == "frames: 1, must be an integer of at least 2"


def test_info_says_what_it_is(accelerator, built):
    info = accelerator.info()
    content = manifest.load(built)
    assert (info["kind"], info["board"], info["capacity"]) == ("sim", "pynq-z2", 4)
    assert info["identity"] == content.shell.identity
    assert info["model"] == content.hashes.model
    assert info["state"].startswith("STATUS 0x1 (IDLE; 0 queued), ERRORS 0x0 (none), BATCHES ")


@pytest.mark.parametrize(
    ("side", "error"),
    [("source", "ERRORS 0x1 (READ_RESPONSE)"), ("target", "ERRORS 0x2 (WRITE_RESPONSE)")],
)
def test_an_error_of_the_memory_is_told_and_got_over(own, expected, side, error):
    assert np.array_equal(own.logits(IMAGES[:20]), expected[:20])
    # The third buffer's memory stops answering.
    getattr(own._slots[2], side).free()
    with pytest.raises(UserError) as caught:
        own.logits(IMAGES)
    message = str(caught.value)
    assert message.startswith("the accelerator reports an error: STATUS ")
    assert f", {error}, BATCHES " in message
    assert own._slots == []
    assert own._device.read(Register.ERRORS) == 0
    assert np.array_equal(own.logits(IMAGES), expected)


class Interrupted(SimulatedBoard):
    """A board whose user presses Ctrl-C during the third wait."""

    waits = 0

    def wait(self, seconds):
        self.waits += 1
        if self.waits == 3:
            raise KeyboardInterrupt
        super().wait(seconds)


@pytest.mark.usefixtures("small_batches")
def test_an_interruption_leaves_the_device_reset(built, expected):
    board = Interrupted(built, manifest.load(built))
    with Accelerator(built, board) as accelerator:
        with pytest.raises(KeyboardInterrupt):
            accelerator.logits(IMAGES)
        assert board.waits == 3
        assert board.read(Register.STATUS) == Status.IDLE
        assert accelerator._slots == []
        # Nothing is written to the memory any more.
        words = board.words()
        board.wait(1e-5)
        assert board.words() == words
        assert np.array_equal(accelerator.logits(IMAGES), expected)


def rewritten(built, folder, old, new):
    """Return a copy of an accelerator, built with a different top module."""
    folder = shutil.copytree(built, folder)
    top = folder / "rtl" / "accelerator.sv"
    text = top.read_text()
    assert old in text
    top.write_text(text.replace(old, new))
    content = manifest.load(folder)
    sources = digest(folder / name for name in (*content.sources, *content.data))
    shutil.rmtree(folder / "shell")
    changes = {"hashes.sources": sources, "shell.identity": ""}
    manifest.write(write_shell(changed(content, changes), folder), folder)
    return folder


def test_an_accelerator_that_hangs_is_told(least_built, tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "_MORE", 0.001)
    valid = "assign out0_V_TVALID = "
    folder = rewritten(least_built, tmp_path / "hangs", valid, f"{valid}1'b0 && ")
    with Accelerator(folder, device="sim") as accelerator:
        for _ in range(2):
            with pytest.raises(UserError) as caught:
                accelerator.logits(images(LEAST, 40))
            head, _, state = str(caught.value).partition(" s: ")
            assert head.startswith(
                "the accelerator does not answer: batch 1 is not complete after 0.00"
            )
            # As many frames have gone in as fit between input and output.
            assert state.startswith("STATUS 0x102 (BUSY; 1 queued), ERRORS 0x0 (none), BATCHES 0, ")
            assert state.endswith(", FRAMES_OUT 0")
            assert accelerator._device.read(Register.STATUS) == Status.IDLE


def test_another_builds_bitstream_is_refused(built, least_built):
    board = SimulatedBoard(built, manifest.load(built))
    with pytest.raises(UserError) as caught:
        Accelerator(least_built, board)
    found, wanted = (manifest.load(one).shell.identity for one in (built, least_built))
    assert str(caught.value) == (
        f"identity: the bitstream's is {found}, but the manifest's is {wanted}; "
        "load the bitstream of this build"
    )


class Elsewhere(SimulatedBoard):
    """A board with another value in a register."""

    at = Register.MAGIC

    def read(self, offset):
        return 2 if offset == self.at else super().read(offset)


@pytest.mark.parametrize(
    ("register", "wanted"), [(Register.MAGIC, "0x49524e54"), (Register.VERSION, "0x1")]
)
def test_another_design_is_refused(built, register, wanted):
    board = Elsewhere(built, manifest.load(built))
    board.at = register
    with pytest.raises(UserError) as caught:
        Accelerator(built, board)
    assert str(caught.value) == (
        f"{register.name}: the bitstream's register is 0x2, but this runtime expects {wanted}; "
        "load the bitstream of this build"
    )


def test_a_device_must_be_known(built):
    with pytest.raises(UserError) as caught:
        Accelerator(built, device="gpu")
    assert str(caught.value).startswith("device: 'gpu', must be \"sim\", None for the board, or ")


@pytest.mark.parametrize(
    "device", [3, b"sim", ["sim"], np.array(["sim"]), SimulatedBoard, object()]
)
def test_a_device_of_another_type(built, device):
    with pytest.raises(UserError) as caught:
        Accelerator(built, device=device)
    assert str(caught.value).startswith("device: ")


@pytest.mark.parametrize("path", [None, 3, b"accelerator", ["accelerator"]])
def test_a_path_of_another_type(path):
    with pytest.raises(UserError) as caught:
        Accelerator(path, device="sim")
    assert str(caught.value).startswith("path: ")


@pytest.mark.parametrize("images", [None, 3, "a.npz", b"", [[1]], {}, iter([])])
def test_images_of_another_type(accelerator, images):
    for call in (accelerator.predict, accelerator.logits):
        with pytest.raises(UserError) as caught:
            call(images)
        assert str(caught.value).startswith("images: ")


@pytest.mark.parametrize(
    "array", [np.uint8(3), np.array([{}]), np.zeros(2, [("a", "u1")]), IMAGES > 9]
)
def test_arrays_of_another_type(accelerator, array):
    with pytest.raises(UserError) as caught:
        accelerator.predict(array)
    assert str(caught.value).startswith("images: ")


@pytest.mark.parametrize("frames", [None, "9", 2.5, True, [9], np.array([9, 9]), 10**15])
def test_frames_that_are_refused(accelerator, frames):
    with pytest.raises(UserError) as caught:
        accelerator.throughput_test(frames)
    assert str(caught.value).startswith("frames: ")


def test_the_clock_is_what_place_and_route_reached(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "routed")
    file = folder / "bitstream" / "route.json"
    file.parent.mkdir()
    for reached, clock in ((62.5, 62.5), (140.0, 100.0)):
        file.write_text(route(manifest.load(folder).shell.identity, reached))
        with Accelerator(folder, device="sim") as accelerator:
            assert accelerator.info()["clock_mhz"] == clock
            result = accelerator.throughput_test(10)
        assert result["latency_seconds"] == result["latency_cycles"] / (clock * 1e6)
    file.write_text("{}")
    with pytest.raises(UserError) as caught:
        Accelerator(folder, device="sim")
    assert str(caught.value) == f"{file}: kind is missing; build with --flow again"


def test_closing_gives_everything_back(built):
    accelerator = Accelerator(built, device="sim")
    accelerator.logits(IMAGES[:2])
    slots = accelerator._slots
    assert len(slots) == 4
    accelerator.close()
    accelerator.close()
    assert accelerator._slots == []
    for use in (
        lambda: accelerator.predict(IMAGES),
        lambda: accelerator.logits(IMAGES),
        accelerator.throughput_test,
        accelerator.info,
    ):
        with pytest.raises(UserError) as caught:
            use()
        assert str(caught.value) == "accelerator: was closed; make a new one"
