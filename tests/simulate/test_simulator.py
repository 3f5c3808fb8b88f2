import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from irnet_hw.artifact.manifest import Stream
from irnet_hw.artifact.resources import NOTHING
from irnet_hw.errors import UserError
from irnet_hw.share import share
from irnet_hw.simulate.simulator import Simulator, compile_accelerator

STREAMS = [
    Stream("image", 1.0, (3, 4, 2), "UINT8", 1, 8, 8, 24, source, target)
    for source, target in ((None, 0), (0, 1), (1, 2), (2, None))
]
MANIFEST = SimpleNamespace(
    top="accelerator",
    sources=["rtl/register_slice.sv", "rtl/saboteur.sv", "rtl/saboteurs.sv"],
    data=["rtl/first.hex", "rtl/last.hex"],
    cycles_per_frame=24,
    input=STREAMS[0],
    pixel_codes=(),
    streams=STREAMS,
    layers=[
        SimpleNamespace(name=name, cycles=24, area=NOTHING, inputs=[i], outputs=[i + 1])
        for i, name in enumerate(("first", "slice", "last"))
    ],
)
IMAGES = np.random.default_rng(7).integers(0, 256, (50, 3, 4, 2)).astype(np.uint8)
NONE, STOPS, LOSES, REPEATS, FLICKERS = range(5)


@pytest.fixture
def faulty(tmp_path):
    rtl = tmp_path / "rtl"
    rtl.mkdir()
    shutil.copy(share("rtl") / "stream" / "register_slice.sv", rtl)
    for name in ("saboteur.sv", "saboteurs.sv"):
        shutil.copy(Path(__file__).with_name(name), rtl)

    def simulator(first=(NONE, 0), last=(NONE, 0)):
        for name, (fault, beat) in {"first": first, "last": last}.items():
            (rtl / f"{name}.hex").write_text(f"{fault:x}\n{beat:x}\n")
        return Simulator(compile_accelerator(tmp_path, MANIFEST), tmp_path, MANIFEST)

    return simulator


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_images_pass_and_streams_are_recorded(faulty, seed):
    streamed = faulty().stream(IMAGES, 3, "streaming", seed)
    assert np.array_equal(streamed.out, IMAGES)
    assert [tap.tolist() for tap in streamed.taps] == [IMAGES[:3].tolist()] * 3
    intervals = np.diff(streamed.ends[-1].astype(int))
    if seed is None:
        assert (intervals == 24).all()
        assert streamed.starts.tolist() == [0, 0, 1, 1]  # the slice takes a cycle
        assert streamed.ends[:, 0].tolist() == [23, 23, 24, 24]
    else:
        assert intervals.max() > intervals.min() >= 24


def test_gaps_and_stalls_follow_from_the_seed(faulty):
    cycles = [faulty().stream(IMAGES, 0, "streaming", seed).ends[-1].tolist() for seed in (5, 5, 6)]
    assert cycles[0] == cycles[1] != cycles[2]


def test_an_equal_design_is_compiled_once(faulty, tmp_path):
    faulty()
    assert compile_accelerator(tmp_path, MANIFEST).seconds == 0.0


def failure(simulator, seed=None):
    with pytest.raises(UserError) as error:
        simulator.stream(IMAGES, 3, "streaming", seed)
    return str(error.value)


def test_a_layer_that_stops_is_named(faulty, tmp_path):
    message = failure(faulty(last=(STOPS, 100)))
    assert message == (
        f"{tmp_path}: hangs in cycle 10199: last has stopped: it gives no more beats and waits "
        "for nothing\n"
        "  in0_V: 4 images and 6 of 24 beats, last in cycle 101; offered, not taken\n"
        "  first: 4 images and 6 of 24 beats, last in cycle 101; offered, not taken\n"
        "  slice: 4 images and 4 of 24 beats, last in cycle 100; offered, not taken\n"
        "  last: 4 images and 4 of 24 beats, last in cycle 100; asked for"
    )
    message = failure(faulty(first=(STOPS, 0)))
    assert ": first has stopped: it gives no more beats and waits for nothing\n" in message
    assert "\n  first: 0 images and 0 of 24 beats, no beat yet; asked for\n" in message


@pytest.mark.parametrize("seed", [None, 3])
def test_a_layer_that_loses_a_beat_is_named(faulty, seed):
    message = failure(faulty(first=(LOSES, 30)), seed)
    assert ": first has stopped: it gives no more beats and waits for nothing\n" in message
    assert "\n  in0_V: 50 images and 0 of 24 beats" in message
    assert "\n  slice: 49 images and 23 of 24 beats" in message


@pytest.mark.parametrize("seed", [None, 3])
def test_a_beat_too_many_is_found(faulty, tmp_path, seed):
    assert failure(faulty(first=(REPEATS, 1199)), seed) == (
        f"{tmp_path}: first gave 1201 beats for 50 images of 24 beats"
    )


def test_a_withdrawn_beat_is_found(faulty, tmp_path):
    assert np.array_equal(faulty(last=(FLICKERS, 7)).stream(IMAGES, 0, "streaming").out, IMAGES)
    message = failure(faulty(last=(FLICKERS, 0)), seed=1)
    assert message.startswith(
        f"{tmp_path}: out0_V withdraws or changes a beat that was not yet taken, after beat "
    )


def test_sources_that_do_not_compile(faulty, tmp_path):
    faulty()
    (tmp_path / "rtl" / "saboteurs.sv").write_text("module accelerator; oops endmodule\n")
    with pytest.raises(UserError) as error:
        faulty()
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'rtl' / 'saboteurs.sv'}: does not compile:\n")
    assert "syntax error" in message


def test_without_a_compiler(faulty, monkeypatch, tmp_path):
    monkeypatch.setenv("IRNET_HW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError) as error:
        faulty()
    assert str(error.value).startswith("g++: not found on PATH or in ")
