import contextlib
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from irnet_hw.errors import UserError
from irnet_hw.files import claimed, in_use, is_sealed, sealed, whole_file, whole_folder

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def full_disk():
    """Limit files to 1000 bytes: the closest thing to a full disk that works without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def everything(old, _new):
    """Tell that all files of a folder are ours, and replaced."""
    return {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_with_its_content(tmp_path):
    target = tmp_path / "deep" / "result.txt"
    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(target.parent) == ["result.txt"]


def test_file_has_the_usual_rights(tmp_path):
    with whole_file(tmp_path / "made") as temporary:
        temporary.write_text("x")
    (tmp_path / "plain").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("made", "plain")}
    assert len(modes) == 1


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failing_file_leaves_the_earlier_one(tmp_path, failure):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(failure), whole_file(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.txt"]


def test_file_on_a_full_disk(tmp_path):
    target = tmp_path / "result.bin"
    with pytest.raises(UserError) as error, full_disk(), whole_file(target) as temporary:
        temporary.write_bytes(bytes(2000))
    assert str(error.value) == f"{target}: can't be written: File too large"
    assert names(tmp_path) == []


def test_file_where_nothing_can_be_written():
    with pytest.raises(UserError) as error, whole_file("/proc/irnet/result.txt"):
        pytest.fail("the block must not run")
    assert str(error.value) == (
        "/proc/irnet/result.txt: can't be written: No such file or directory (/proc/irnet)"
    )


def test_file_below_a_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    target = tmp_path / "plain" / "result.txt"
    with pytest.raises(UserError) as error, whole_file(target):
        pytest.fail("the block must not run")
    assert str(error.value) == f"{target}: can't be written: Not a directory"


def test_folder_replaces_the_earlier_one(tmp_path):
    target = tmp_path / "deep" / "build"
    for content in ("first", "second"):
        with whole_folder(target, everything) as temporary:
            (temporary / content).write_text(content)
    assert names(target) == ["second"]
    assert names(target.parent) == ["build"]


def test_folder_replaces_an_empty_one(tmp_path):
    (tmp_path / "build").mkdir()
    with whole_folder(tmp_path / "build") as temporary:
        (temporary / "a").touch()
    assert names(tmp_path / "build") == ["a"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failing_folder_leaves_the_earlier_one(tmp_path, failure):
    target = tmp_path / "build"
    with whole_folder(target) as temporary:
        (temporary / "old").touch()
    with pytest.raises(failure), whole_folder(target) as temporary:
        (temporary / "half").touch()
        raise failure
    assert names(target) == ["old"]
    assert names(tmp_path) == ["build"]


def test_folder_that_cannot_be_put_in_place_leaves_the_earlier_one(tmp_path):
    target = tmp_path / "build"
    with whole_folder(target) as temporary:
        (temporary / "old").touch()
    with pytest.raises(UserError) as error, whole_folder(target) as temporary:
        temporary.rmdir()
    assert str(error.value) == f"{target}: can't be written: No such file or directory"
    assert names(target) == ["old"]
    assert names(tmp_path) == ["build"]


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "plain").write_text("x")
    with pytest.raises(UserError) as error, whole_folder(tmp_path / "plain"):
        pytest.fail("the block must not run")
    assert str(error.value) == (f"{tmp_path}/plain: is a file, but must be a folder or not exist")


def test_folder_on_a_full_disk(tmp_path):
    target = tmp_path / "build"
    with pytest.raises(UserError) as error, full_disk(), whole_folder(target) as temporary:
        (temporary / "big").write_bytes(bytes(2000))
    assert str(error.value) == f"{target}: can't be written: File too large"
    assert names(tmp_path) == []


def test_folder_through_a_link_replaces_what_it_points_to(tmp_path):
    with whole_folder(tmp_path / "build") as temporary:
        (temporary / "old").touch()
    (tmp_path / "link").symlink_to("build")
    with whole_folder(tmp_path / "link", everything) as temporary:
        (temporary / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "build") == ["new"]


def two(old, _new):
    """Tell that these files are ours."""
    if not (old / "ours").exists():
        raise UserError(f"{old}: is not ours")
    return {"ours", "sub/ours"}


def build(target, content, force=False):
    with whole_folder(target, two, force) as temporary:
        (temporary / "ours").write_text(content)
        (temporary / "sub").mkdir()
        (temporary / "sub" / "ours").write_text(content)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_folder_keeps_what_is_not_ours(tmp_path):
    target = tmp_path / "build"
    build(target, "1")
    (target / "notes.txt").write_text("mine")
    (target / "sub" / "notes.txt").write_text("mine")
    (target / "deep" / "er").mkdir(parents=True)
    (target / "deep" / "link").symlink_to("/nowhere")
    build(target, "2")
    assert contents(target) == {
        "ours": "2",
        "sub/ours": "2",
        "notes.txt": "mine",
        "sub/notes.txt": "mine",
    }
    assert (target / "deep" / "er").is_dir()
    assert (target / "deep" / "link").is_symlink()
    assert names(tmp_path) == ["build"]


def test_folder_of_somebody_elses_is_refused(tmp_path):
    target = tmp_path / "build"
    target.mkdir()
    (target / "theirs").write_text("theirs")
    with pytest.raises(UserError, match="is not ours"):
        build(target, "1")
    assert contents(target) == {"theirs": "theirs"}
    build(target, "1", force=True)
    assert contents(target) == {"theirs": "theirs", "ours": "1", "sub/ours": "1"}


def test_folder_never_overwrites_a_file_that_is_not_ours(tmp_path):
    target = tmp_path / "build"
    build(target, "1")
    (target / "new").write_text("mine")

    def run(force):
        with whole_folder(target, two, force) as temporary:
            for name in ("ours", "new"):
                (temporary / name).write_text("2")

    with pytest.raises(UserError) as error:
        run(force=False)
    assert str(error.value) == (
        f"{target}/new: was not written by irnet-hw, or was changed since; move it, or overwrite "
        "it with --force"
    )
    assert contents(target) == {"ours": "1", "sub/ours": "1", "new": "mine"}
    run(force=True)
    assert contents(target) == {"ours": "2", "new": "2"}


@pytest.mark.parametrize("where", ["aside", "in place", "carried"])
def test_folder_is_put_in_order_after_a_kill(tmp_path, where):
    target = tmp_path / "build"
    build(target, "1")
    (target / "notes.txt").write_text("mine")
    kill = {
        "aside": "Path.rename = killing(1, 'place')",
        "in place": "files._carry = kill",
        "carried": "files.temporary = killing_garbage",
    }[where]
    code = f"""
import os, signal
from pathlib import Path
from irnet_hw import files
from tests.test_files import build
rename, temporary, made = Path.rename, files.temporary, []
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def killing(after, _):
    def run(self, target):
        if len(made) == after:
            kill()
        made.append(target)
        return rename(self, target)
    return run
def killing_garbage(*arguments, **options):
    if made:
        kill()
    made.append(arguments)
    return temporary(*arguments, **options)
{kill}
build(Path({str(target)!r}), "2")
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) > (0 if where == "aside" else 1)
    build(target, "3")
    assert contents(target) == {"ours": "3", "sub/ours": "3", "notes.txt": "mine"}
    assert names(tmp_path) == ["build"]


def test_a_killed_process_leaves_files_that_the_next_one_removes(tmp_path):
    code = f"""
import os, signal
from irnet_hw.files import claimed, whole_file
from pathlib import Path
folder = Path({str(tmp_path)!r})
with claimed(folder, {{"result": bool}}), whole_file(folder / "result") as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert len(names(tmp_path)) == 2
    with claimed(tmp_path, {"result": bool}), whole_file(tmp_path / "result") as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == ["result"]


def test_a_second_process_is_refused(tmp_path):
    code = "import sys; from tests.test_files import *; build(Path(sys.argv[1]), '2')"
    with whole_folder(tmp_path / "build") as temporary:
        (temporary / "ours").write_text("1")
        run = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "build"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert "another irnet-hw process is working there; wait until it is done" in run.stderr
    assert contents(tmp_path / "build") == {"ours": "1"}


def test_a_folder_in_use_is_not_replaced(tmp_path):
    build(tmp_path / "build", "1")
    with (
        in_use(tmp_path / "build"),
        in_use(tmp_path / "build"),
        pytest.raises(UserError, match="another irnet-hw process is working there"),
    ):
        build(tmp_path / "build", "2")
    build(tmp_path / "build", "2")
    assert names(tmp_path) == ["build"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("x"), "was not written by irnet-hw, or was changed since"),
        (lambda path: path.mkdir(), "is a folder, must be a file"),
        (os.mkfifo, "is a device or a pipe, must be a file"),
    ],
    ids=["file", "folder", "pipe"],
)
def test_claiming_refuses_what_is_not_ours(tmp_path, make, message):
    make(tmp_path / "result")
    with pytest.raises(UserError) as error, claimed(tmp_path, {"result": lambda _: False}):
        pytest.fail("the block must not run")
    assert str(error.value).startswith(f"{tmp_path}/result: {message}")
    assert names(tmp_path) == ["result"]


def test_claiming_takes_an_empty_file_and_leaves_no_empty_folder(tmp_path):
    (tmp_path / "result").touch()
    with claimed(tmp_path, {"result": lambda _: False}):
        pass
    with claimed(tmp_path / "new" / "deep", {"result": bool}):
        pass
    assert names(tmp_path) == ["result"]


def test_file_through_a_link_replaces_what_it_points_to(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with whole_file(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_name_as_long_as_the_system_allows(tmp_path):
    name = "x" * 255
    with whole_folder(tmp_path / name):
        pass
    with claimed(tmp_path / name, {name: bool}), whole_file(tmp_path / name / name) as temporary:
        temporary.write_text("x")
    assert names(tmp_path / name) == [name]


def test_errors_of_other_files_are_not_this_ones(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "result"):
        (tmp_path / "none" / "other").write_text("x")


def test_a_sealed_text_is_known_until_it_is_changed(tmp_path):
    path = tmp_path / "script"
    path.write_text(sealed("a\nb\n", "#"))
    assert is_sealed(path)
    for changed in ("A\nb\n", "a\n", "a\nb\nc\n"):
        path.write_text(path.read_text().replace("a\nb\n", changed))
        assert not is_sealed(path)
        path.write_text(sealed("a\nb\n", "#"))
