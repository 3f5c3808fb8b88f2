import os

import pytest

from irnet_hw.tools.process import Job, run


@pytest.fixture
def shell(tmp_path):
    def job(name, script):
        folder = tmp_path / name
        folder.mkdir()
        return Job(["sh", "-c", script], folder, os.environ)

    return job


def test_all_run_and_their_output_is_kept(shell):
    jobs = [shell(str(i), f"echo out {i}; echo err {i} >&2; exit {i}") for i in range(5)]
    assert dict(run(jobs)) == {i: i for i in range(5)}
    assert [(job.folder / job.log).read_text() for job in jobs] == [
        f"out {i}\nerr {i}\n" for i in range(5)
    ]


def test_no_more_than_cores_run_at_a_time(shell, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    script = "mkdir ../running.$$; ls -d ../running.* | wc -l; sleep 0.1; rmdir ../running.$$"
    jobs = [shell(str(i), script) for i in range(6)]
    assert {status for _, status in run(jobs)} == {0}
    assert max(int((job.folder / job.log).read_text()) for job in jobs) <= 2


def test_what_still_runs_is_ended_with_all_that_it_started(shell, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for name in ("alive", "started"):
        os.mkfifo(tmp_path / name)
    long = "exec 3>../alive; (sleep 60; touch ../late) & echo >../started; wait"
    jobs = [shell("long", long), shell("short", "read line <../started; exit 3")]
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    running = run(jobs)
    assert next(running) == (1, 3)
    running.close()
    os.set_blocking(alive, True)
    assert os.read(alive, 1) == b""  # end of file: every possible writer has ended
    os.close(alive)
    assert not (tmp_path / "late").exists()
