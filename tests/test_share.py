import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from irnet_hw.share import share

ROOT = Path(__file__).parent.parent
FOLDERS = ("hls", "rtl", "boards", "train")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the contents of an installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("irnet_hw-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_checkout_has_the_folder(name):
    assert share(name) == ROOT / name
    assert files(share(name))


@pytest.mark.parametrize("name", FOLDERS)
def test_wheel_has_the_folder(installed, name):
    found = subprocess.run(
        [sys.executable, "-c", f"from irnet_hw.share import share; print(share({name!r}))"],
        cwd=installed,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert Path(found) == installed / "irnet_hw" / "share" / name
    assert files(Path(found)) == files(ROOT / name)


def test_wheel_has_every_file_of_the_package(installed):
    inside = {name for name in files(installed / "irnet_hw") if not name.startswith("share/")}
    assert inside == set(files(ROOT / "irnet_hw"))
