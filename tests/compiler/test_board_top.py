"""The wrapper connects shell and accelerator port by port, and the folder is self-contained."""

import re
import shutil

import pytest

from irnet_hw.artifact import registers
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import identity
from irnet_hw.compiler.emission.board_top import write_shell
from irnet_hw.errors import UserError
from irnet_hw.share import share
from tests.lint import lint
from tests.manifests import changed
from tests.networks import LEAST, TINY, build_network

PORT = re.compile(r"^    (input|output) +logic +(?:\[(.*?)\] +)?(\w+)", re.MULTILINE)
CASES = {"least": (LEAST, "pynq-z2", 32), "tiny": (TINY, "zcu104", 40)}


@pytest.fixture(scope="module", params=CASES)
def built(request, tmp_path_factory):
    """A network's folder, its manifest and the width of its board's addresses."""
    network, board, bits = CASES[request.param]
    folder = build_network(network, tmp_path_factory.mktemp(request.param), board)
    return folder, open_build(folder), bits


def test_the_processors_side_is_the_shells(built):
    folder, content, bits = built
    assert content.shell.top == "irnet_board"
    wrapper = (folder / "shell" / "irnet_board.sv").read_text()
    shell = (share("rtl") / "shell" / "irnet_shell.sv").read_text()
    ours = [name for _, _, name in PORT.findall(shell)]
    wanted = [
        (way, width.replace("ADDRESS_BITS-1", str(bits - 1)), name)
        for way, width, name in PORT.findall(shell)[: ours.index("acc_rst_n")]
    ]
    assert PORT.findall(wrapper) == wanted
    assert len(wanted) > 50


@pytest.mark.simulation
def test_verilator_has_no_warnings(built, tmp_path):
    folder, content, _ = built
    files = content.files
    waivers = [share("rtl") / "lint.vlt", share("rtl") / "shell" / "lint.vlt"]
    sources = [(folder / file).absolute() for file in files]
    run = lint(content.shell.top, [*waivers, *sources], tmp_path)
    assert "%" not in run.stderr and run.returncode == 0, run.stderr


def test_the_identity_is_made_of_the_hashes_and_of_what_the_driver_uses(built):
    folder, content, _ = built
    own = content.shell.identity
    assert identity(content) == own
    for change in (
        {"hashes.model": "0" * 64},
        {"hashes.sources": "0" * 64},
        {"hashes.shell": "0" * 64},
        {"output.scale": 2.0},
        {"output.shape": (*content.output.shape, 1)},
        {"input.shape": content.input.shape[::-1], "input.beats": 7},
        {"image": content.image[::-1]},
        {"pixel_codes": ("0" * 256,)},
        {"labels": ("a",)},
        {"clock_mhz": 200.0},
        {"shell.base_address": 0},
    ):
        assert identity(changed(content, change)) != own
    number = int.from_bytes(bytes.fromhex(own), "little")
    wrapper = (folder / "shell" / "irnet_board.sv").read_text()
    assert f".IDENTITY(128'h{number:032x})" in wrapper


def test_the_manifest_tells_the_register_map(built):
    shell = built[1].shell
    assert shell.version == registers.VERSION
    assert shell.registers["MAGIC"] == 0 and shell.registers["FRAMES"] == 0x50
    assert len(shell.registers) == len(registers.Register)
    assert shell.base_address in (0x4000_0000, 0xA000_0000)


def test_another_shell_has_another_identity(built, tmp_path, monkeypatch):
    _, content, _ = built
    blank = changed(content, {"shell.identity": ""})
    written = []
    for name in ("same", "other"):
        (tmp_path / name).mkdir()
        written.append(write_shell(blank, tmp_path / name))
        monkeypatch.setattr(
            "irnet_hw.compiler.emission.board_top._PORTS", {"aclk": "another compiler's"}
        )
    same, other = written
    assert same == content
    assert other.shell.identity != content.shell.identity


@pytest.mark.parametrize("file", ["irnet_shell.sv", "irnet_board.sv", "the identity"])
def test_a_changed_shell_is_refused(file, built, tmp_path):
    folder = shutil.copytree(built[0], tmp_path / "changed")
    path = folder / "shell" / file
    if file == "the identity":
        path = path.with_name("irnet_board.sv")
        path.write_text(re.sub("128'h[0-9a-f]{32}", f"128'h{0:032x}", path.read_text()))
    else:
        path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as caught:
        open_build(folder)
    assert str(caught.value) == (
        f"{folder}: a source in shell/ was changed since the build; build it again"
    )
