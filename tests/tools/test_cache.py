"""An error of the cache is reported as one, with advice."""

import resource

import pytest

from irnet_hw.errors import UserError
from irnet_hw.simulate.proof import simulate
from irnet_hw.tools.environment import cache_dir, cached, find_verilator, locked
from tests.networks import LEAST, images

ADVICE = "; set IRNET_HW_CACHE to a folder that can be written"


def test_a_file_in_its_place(tmp_path, monkeypatch, least_dir):
    (tmp_path / "cache").write_text("x")
    monkeypatch.setenv("IRNET_HW_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError) as error:
        simulate(least_dir, images(LEAST, 1), None)
    assert str(error.value) == f"cache: {tmp_path}/cache can't be used: File exists{ADVICE}"
    assert not (least_dir / "simulation.json").exists()


def test_a_place_that_cannot_be_made(monkeypatch):
    monkeypatch.setenv("IRNET_HW_CACHE", "/proc/cache")
    with pytest.raises(UserError) as error:
        cache_dir()
    assert str(error.value) == (
        f"cache: /proc/cache can't be used: No such file or directory{ADVICE}"
    )


@pytest.mark.parametrize("named", ["", None])
def test_no_name_is_the_home(tmp_path, monkeypatch, named):
    monkeypatch.setenv("HOME", str(tmp_path))
    if named is None:
        monkeypatch.delenv("IRNET_HW_CACHE", raising=False)
    else:
        monkeypatch.setenv("IRNET_HW_CACHE", named)
    assert cache_dir() == tmp_path / ".cache" / "irnet-hw"


def test_a_full_one(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UserError) as error, cached(tmp_path / "entry") as target:
            target.write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == f"cache: {tmp_path}/entry can't be used: File too large{ADVICE}"


def test_a_lock_that_cannot_be_made(tmp_path):
    (tmp_path / "sim").write_text("x")
    with pytest.raises(UserError) as error, locked(tmp_path / "sim" / "entry"):
        pytest.fail("the block must not run")
    assert str(error.value).startswith(f"cache: {tmp_path}/sim/entry can't be used: ")


def test_programs_that_call_make_themselves_are_told_of_a_path_with_a_space(tmp_path, monkeypatch):
    monkeypatch.setenv("IRNET_HW_CACHE", str(tmp_path / "a b"))
    with pytest.raises(UserError, match="a b: make can't cope with this path of the cache"):
        find_verilator().on_path()
