"""Temporary folders, of processes that live and of those that were killed."""

import subprocess
import sys
import tempfile

import pytest

from irnet_hw.errors import UserError
from irnet_hw.scratch import scratch, temporary

HOLD = """
import sys
from irnet_hw.scratch import scratch
with scratch("test") as folder:
    (folder / "big").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def hold(place):
    """Start a process that has a temporary folder; return it, and the folder's name."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(place)},
    )
    return process, process.stdout.readline().strip().rpartition("/")[2]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_is_gone_in_the_end(place):
    with scratch("test") as folder:
        (folder / "a").mkdir()
        assert folder.parent == place
    assert names(place) == set()


def test_a_dead_process_folder_is_removed_and_a_live_ones_is_not(place):
    dead, left = hold(place)
    dead.kill()
    dead.wait()
    live, used = hold(place)
    assert names(place) == {used}
    with scratch("test") as folder:
        assert names(place) == {used, folder.name}
    live.communicate("")
    assert left != used
    assert names(place) == set()


def test_names_that_only_look_like_ours_stay(place):
    for name in ("irnet-hw-test-my_notes", "irnet-hw-test-0123456789abcdeg", "irnet-hw-test"):
        (place / name).mkdir()
    (place / "irnet-hw-test-0123456789abcdef").mkdir()
    with scratch("test"):
        pass
    assert names(place) == {
        *("irnet-hw-test-my_notes", "irnet-hw-test-0123456789abcdeg", "irnet-hw-test")
    }


def test_a_file_that_was_renamed_stays(tmp_path):
    with temporary(tmp_path, ".x-", file=True) as path:
        path.write_text("done")
        path.rename(tmp_path / "result")
    assert names(tmp_path) == {"result"}


def test_a_folder_that_cannot_be_used(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(UserError) as error, scratch("test"):
        pytest.fail("the block must not run")
    assert str(error.value).startswith("TMPDIR: can't make a temporary folder: No such file")
