import resource
import stat

import pytest

from irnet_hw.errors import UserError
from irnet_hw.files import whole_file, whole_folder


@pytest.fixture
def full_disk():
    """Limit files to 1000 bytes: the closest thing to a full disk that works without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
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


@pytest.mark.usefixtures("full_disk")
def test_file_on_a_full_disk(tmp_path):
    target = tmp_path / "result.bin"
    with pytest.raises(UserError) as error, whole_file(target) as temporary:
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


@pytest.mark.usefixtures("full_disk")
def test_folder_on_a_full_disk(tmp_path):
    target = tmp_path / "build"
    with pytest.raises(UserError) as error, whole_folder(target) as temporary:
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
