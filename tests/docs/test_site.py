"""The documentation builds without a warning, needs no network, and names what there is."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path

import pytest

from irnet_hw.artifact.manifest import Layer, Manifest, Stream
from irnet_hw.artifact.results import Route, Simulation, Synthesis

ROOT = Path(__file__).resolve().parents[2]
#: Elements that load what they name.
LOADING = {"audio", "iframe", "img", "link", "script", "source", "video"}


class _Loaded(HTMLParser):
    def __init__(self):
        super().__init__()
        self.urls = []

    def handle_starttag(self, tag, attrs):
        if tag in LOADING:
            self.urls += [value for key, value in attrs if key in ("href", "src") and value]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        check=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    return folder


def test_no_page_loads_anything_from_the_network(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = _Loaded()
        loaded.feed(page.read_text())
        assert loaded.urls
        assert [url for url in loaded.urls if re.match(r"(\w+:)?//", url)] == []
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:\w+:)?//", sheet.read_text()) == []


def test_every_part_of_a_page_was_generated(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert "{{" not in text, page
        assert 'class="arithmatex"' not in text and "$$" not in text, page
    assert "--target-fps" in (site / "reference" / "commands.html").read_text()
    assert "label_smoothing" in (site / "reference" / "recipes.html").read_text()
    assert "<code>FRAMES_OUT</code>" in (site / "reference" / "registers.html").read_text()
    assert "<math" in (site / "api" / "quant.html").read_text()


def test_the_rooms_are_the_repository_s_folders():
    listed = {
        room["name"] for room in tomllib.loads((ROOT / "docs/rooms.toml").read_text())["room"]
    }
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    folders = {str(Path(file).parent) for file in tracked if "/" in file}
    packages = {
        "/".join(folder.split("/")[:2]) for folder in folders if folder.startswith("irnet_hw/")
    }
    top = {folder.split("/")[0] for folder in folders} - {"irnet_hw"}
    assert listed == packages | {folder for folder in top if not folder.startswith(".")}


def test_the_manifest_s_page_names_every_key(site):
    page = (site / "reference" / "manifest.html").read_text()
    for kind in (Manifest, Stream, Layer, Simulation, Synthesis, Route):
        names = {field.name for field in fields(kind)}
        assert {name for name in names if f"<code>{name}</code>" not in page} == set()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_top_pages_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / name).read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (ROOT / target.partition("#")[0]).exists(), target


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_tutorial_s_network_is_trained_exported_and_built(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    said = run(ROOT / "docs" / "my_network.py").stdout
    assert float(re.search(r"^([\d.]+)% of 360 test images", said, re.M)[1]) > 90
    run(
        *("-m", "irnet_hw.cli.main", "build", "--board", "pynq-z2", "--out", "mine"),
        "my_network/model.onnx",
    )
    assert (tmp_path / "mine" / "manifest.json").is_file()
