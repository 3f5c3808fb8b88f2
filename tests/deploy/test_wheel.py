"""The runtime's wheel installs on its own, and imports with only numpy installed."""

import subprocess
import sys
import zipfile

import pytest

from irnet_hw import __version__
from irnet_hw.deploy.wheel import build_wheel
from tests.runtime.test_standalone import ALONE, FILES, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_it_holds_the_runtime_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"irnet_hw_runtime-{__version__}.dist-info/METADATA").decode()
    modules = {name for name in names if ".dist-info/" not in name}
    assert modules == {str(file.relative_to(ROOT.parent)) for file in FILES}
    lines = metadata.splitlines()
    assert "Requires-Python: >=3.8" in lines
    assert [line for line in lines if line.startswith("Requires-Dist")] == [
        "Requires-Dist: numpy>=1.17"
    ]


def test_it_is_always_the_same(wheel, tmp_path):
    assert build_wheel(tmp_path).read_bytes() == wheel.read_bytes()


def test_it_installs_and_imports_alone(wheel, tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    subprocess.run(
        [*pip, "--no-index", "--target", str(tmp_path / "site"), str(wheel)],
        check=True,
        capture_output=True,
    )
    run = subprocess.run(
        [sys.executable, "-c", f"{ALONE}\nprint(sys.modules['irnet_hw'].__file__)"],
        cwd=tmp_path / "site",
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout == f"Accelerator\n{tmp_path / 'site' / 'irnet_hw' / '__init__.py'}\n"
