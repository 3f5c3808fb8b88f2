"""No source that could run code reaches a tool, even if the hashes were recomputed."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw import __version__
from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import digest, identity_digits, shell_digest
from irnet_hw.artifact.manifest import identity
from irnet_hw.cli.main import group
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator
from irnet_hw.simulate import compile as library
from irnet_hw.verilog.trusted import open_for_tools, require_trusted
from tests.manifests import changed

TOP = "rtl/accelerator.sv"


def forged(folder):
    """Recompute all hashes and the identity, as anybody can."""
    content = manifest.load(folder)
    sources = digest(folder / file for file in (*content.sources, *content.data))
    hashes = {"hashes.sources": sources, "hashes.shell": shell_digest(content, folder)}
    content = changed(content, hashes)
    before = identity_digits(content.shell.identity)
    content = changed(content, {"shell.identity": identity(content)})
    after = identity_digits(content.shell.identity)
    board = folder / "shell" / "irnet_board.sv"
    board.write_text(board.read_text().replace(before, after))
    manifest.write(content, folder)
    return folder


def refusal(call):
    with pytest.raises(UserError) as caught:
        call()
    return str(caught.value)


def test_what_the_compiler_writes_is_trusted(built, least_built):
    for folder in (built, least_built):
        require_trusted(folder, manifest.load(folder))


@pytest.mark.parametrize("file", ["rtl/register_slice.sv", "shell/irnet_shell.sv"])
def test_another_librarys_module_is_refused(least_dir, file):
    path = least_dir / file
    path.write_text(path.read_text().replace("endmodule", 'initial $system("true");\nendmodule'))
    forged(least_dir)
    assert refusal(lambda: open_for_tools(least_dir)) == (
        f"{path}: is not the module of irnet-hw {__version__}; the folder was built by another "
        "version, build it again"
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('initial $system("touch here");', "initial"),
        ('assign s0 = $system("touch here");', "$system"),
        ('assign s0 = $c("system(0)");', "$c"),
        ('assign s0 = $c32("system(0)");', "$c32"),
        ('import "DPI-C" function int system(string s);', "import"),
        ("export x;", "export"),
        ('assign s0 = $fopen("a", "w");', "$fopen"),
        ("final begin end", "final"),
        ("bind lut_rom evil evil();", "bind"),
        ("program p; endprogram", "program"),
        ("class c; endclass", "class"),
        ("config c; endconfig", "config"),
        ("always @(posedge ap_clk) ;", "always"),
        ('`include "/etc/passwd"', "`include"),
        ("`define A $", "`define"),
        ("`ifdef VERILATOR", "`ifdef"),
        ("`systemc_header", "`systemc_header"),
        ("`verilator_config", "`verilator_config"),
        ("`line 1", "`line"),
        ("logic \\$system ;", "\\"),
        ("logic a; \\\n", "\\"),
        ("/* verilator public_flat */", "/"),
        ("/**/", "/"),
        ("assign s0 = 1 /**/ ;", "/"),
        ("// verilator lint_off", "// verilator lint_off"),
        ("// synopsys translate_off", "// synopsys translate_off"),
        ('(* keep = "yes" *)', '(* keep = "yes" *)'),
        ("logic a = (*b);", "("),
        ('defparam a.b = "x";', "defparam"),
        ('lut_rom #(.FILE("/etc/passwd")) a();', '"'),
        ('lut_rom #(.FILE("..\\057x")) a();', '"'),
        ("logic gr\u00f6\u00dfe;", "\u00c3"),
        ("logic a\0;", "'\\x00'"),
        ("\r`include", "'\\r'"),
    ],
)
def test_what_is_not_hardware_is_refused(least_dir, line, what):
    path = least_dir / TOP
    text = path.read_text().replace("endmodule", f"{line}\nendmodule")
    path.write_bytes(text.encode())
    forged(least_dir)
    message = refusal(lambda: open_for_tools(least_dir))
    number = text[: text.index(line)].count("\n") + 1
    assert message.startswith(f"{path}: line {number} contains {what}"), message


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("", "[]"),
        ("module register_slice; endmodule\n", "[register_slice]"),
        ("module accelerator; endmodule module b; endmodule\n", "[accelerator, b]"),
    ],
)
def test_a_source_defines_its_own_module_alone(least_dir, text, modules):
    (least_dir / TOP).write_text(text)
    forged(least_dir)
    assert refusal(lambda: open_for_tools(least_dir)) == (
        f"{least_dir / TOP}: defines the modules {modules}, must define only accelerator; build it "
        "again"
    )


def test_hex_files_contain_words_alone(least_dir):
    path = next((least_dir / "rtl").glob("*.hex"))
    path.write_text("@ffffffff 0\n" + path.read_text())
    forged(least_dir)
    assert refusal(lambda: open_for_tools(least_dir)) == (
        f"{path}: contains @, must be words of hexadecimal digits, one per line; build it again"
    )


def test_no_command_runs_the_code_of_a_strangers_folder(least_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = least_dir / TOP
    text = path.read_text()
    path.write_text(text.replace("endmodule", 'initial $system("touch ran");\nendmodule'))
    forged(least_dir)
    images = tmp_path / "images.npy"
    np.save(images, np.zeros((1, 4, 4, 1), np.uint8))
    monkeypatch.setattr(library, "find_verilator", lambda: pytest.fail("a tool was to run"))
    message = f"{path}: line {text.count(chr(10))} contains initial, which irnet-hw never writes"
    result = CliRunner().invoke(group, ["simulate", str(least_dir), "--images", str(images)])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    package = shutil.make_archive(str(tmp_path / "package"), "zip", least_dir)
    said = refusal(lambda: Accelerator(package, device="sim"))
    assert said.startswith(f"{package}: {TOP}: line ")
    assert "ran" not in [path.name for path in tmp_path.iterdir()]


def test_modules_beside_the_user_are_not_found(least_dir, tmp_path, monkeypatch):
    """Verilator looks for a module that no source holds in the current folder."""
    (tmp_path / "evil.sv").write_text('module evil; initial $system("touch ran"); endmodule\n')
    monkeypatch.chdir(tmp_path)
    path = least_dir / TOP
    path.write_text(path.read_text().replace("endmodule", "evil evil();\nendmodule"))
    forged(least_dir)
    message = refusal(lambda: Accelerator(least_dir, device="sim"))
    assert "does not compile" in message
    assert "Cannot find file containing module: 'evil'" in message
    assert "ran" not in [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text * 2, "$readmem file address beyond bounds of array"),
        (None, "$readmem file not found"),
    ],
)
def test_memories_that_are_not_as_large_as_the_hardwares_are_refused(least_dir, change, said):
    """They would leave noise in the memory, or end the process."""
    path = least_dir / "rtl" / "IntMVAU_rtl_0_weights.hex"
    if change is None:
        content = manifest.load(least_dir)
        kept = tuple(file for file in content.data if file != f"rtl/{path.name}")
        manifest.write(changed(content, {"data": kept}), least_dir)
    else:
        path.write_text(change(path.read_text()))
    forged(least_dir)
    message = refusal(lambda: Accelerator(least_dir, device="sim"))
    assert message.startswith(f"{least_dir}: the simulation does not start: {path.name}:")
    assert said in message
    assert message.endswith("; build it again")
