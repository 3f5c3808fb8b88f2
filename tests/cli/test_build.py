import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from irnet_hw.artifact import manifest
from irnet_hw.cli.build import command
from tests.compiler.graphs import Conv, Network


def test_help_needs_no_finn() -> None:
    script = (
        "import sys; from irnet_hw.cli.build import command; "
        "command.main(['--help'], standalone_mode=False); "
        "print(sorted(name for name in ('finn', 'qonnx', 'onnx') if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "--target-fps" in result.stdout
    assert result.stdout.rstrip().endswith("[]")


def test_builds_beside_the_model(tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    Network(image=(4, 4, 1), layers=(Conv(4, bits=8),)).build().save(str(model))
    result = CliRunner().invoke(command, ["--board", "pynq-z2", str(model)])
    assert result.exit_code == 0, result.output
    content = manifest.load(tmp_path / "tiny-pynq-z2")
    assert content.target_fps == 10_000
    assert content.clock_mhz == 100
    assert f"{content.cycles_per_frame} cycles a frame" in result.stderr


def test_a_clock_changes_the_folds_and_goes_into_the_manifest(tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    Network(image=(4, 4, 1), layers=(Conv(4, bits=8),)).build().save(str(model))
    cycles = []
    for clock in ("50", "200"):
        arguments = ["--board", "kv260", "--clock", clock, "--target-fps", "1e6", str(model)]
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 0, result.output
        content = manifest.load(tmp_path / "tiny-kv260")
        assert content.clock_mhz == float(clock)
        assert content.fps == content.clock_mhz * 1e6 / content.cycles_per_frame >= 1e6
        cycles.append(content.cycles_per_frame)
    assert cycles[0] < cycles[1]


@pytest.mark.yosys
def test_says_what_synthesis_counted(tmp_path: Path) -> None:
    model = tmp_path / "tiny.onnx"
    Network(image=(3, 3, 1), layers=(Conv(2, bits=8),), classes=2).build().save(str(model))
    result = CliRunner().invoke(command, ["--board", "zcu104", "--synth", str(model)])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "tiny-zcu104"
    total = json.loads((folder / "synthesis.json").read_text())["total"]
    used = f"{total['LUT']} of 230400 LUT, {total['FF']} of 460800 FF"
    assert result.stderr.splitlines()[-1].startswith(f"{folder}: {used}, ")
    assert result.stderr.endswith(" DSP (after synthesis by Yosys 0.70)\n")


def test_the_highest_rate_and_a_rate_exclude_each_other(tmp_path: Path) -> None:
    arguments = ["--board", "pynq-z2", "--max-fps", "--target-fps", "10", str(tmp_path / "a.onnx")]
    result = CliRunner().invoke(command, arguments)
    assert str(result.exception) == "max-fps: excludes --target-fps; give one of them"


def test_builds_what_a_file_fixes_at_the_highest_rate(tmp_path: Path) -> None:
    model, folds = tmp_path / "tiny.onnx", tmp_path / "folds.json"
    Network(image=(4, 4, 1), layers=(Conv(4, bits=8),)).build().save(str(model))
    folds.write_text('{"IntMVAU_rtl_0": {"PE": 1, "SIMD": 1}}')
    arguments = ["--board", "pynq-z2", "--max-fps", "--folding-config", str(folds), str(model)]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "tiny-pynq-z2"
    content = manifest.load(folder)
    assert content.target_fps == content.fps
    assert content.cycles_per_frame == 4 * 4 * 9 * 4
    written = json.loads((folder / "folding_config.json").read_text())
    assert written["IntMVAU_rtl_0"]["PE"] == written["IntMVAU_rtl_0"]["SIMD"] == 1
