"""Verilator -Wall reports nothing for the shell, and errors name bad parameters."""

import pytest

from irnet_hw.share import share
from tests.lint import lint
from tests.rtl.shell.designs import BOARDS, SOURCES, WAIVERS


def with_parameters(parameters, folder, top="irnet_shell"):
    """Return Verilator's output for the shell with these parameters."""
    settings = [f"-G{name}={value}" for name, value in parameters.items()]
    return lint(top, [*WAIVERS, *SOURCES], folder, *settings)


@pytest.mark.parametrize("board", BOARDS)
def test_verilator_has_no_warnings(board, tmp_path):
    run = with_parameters(BOARDS[board], tmp_path)
    assert "%" not in run.stderr and run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("top", "parameters", "message"),
    [
        ("irnet_shell", {"ADDRESS_BITS": 31}, "ADDRESS_BITS = 31, must be from 32 to 64"),
        ("irnet_shell", {"ADDRESS_BITS": 65}, "ADDRESS_BITS = 65, must be from 32 to 64"),
        ("irnet_shell", {"IN_BYTES": 0}, "IN_BYTES = 0, must be at least 1"),
        ("value_packer", {"LANES": 0}, "LANES = 0, must be at least 1"),
        ("value_packer", {"BITS": 33}, "BITS = 33, must be from 1 to 32"),
        ("value_packer", {"BEATS": 0}, "BEATS = 0, must be at least 1"),
        (
            "value_packer",
            {"TDATA_BITS": 15},
            "TDATA_BITS = 15, must be at least LANES * BITS = 16",
        ),
        ("stream_monitor", {"OUT_BEATS": 0}, "IN_BEATS = 1, OUT_BEATS = 0, must be at least 1"),
        ("batch_queue", {"CAPACITY": 1}, "CAPACITY = 1, must be at least 2"),
        ("batch_length", {"FRAME_BYTES": 0}, "FRAME_BYTES = 0, must be at least 1"),
        ("batch_length", {"ADDRESS_BITS": 12}, "ADDRESS_BITS = 12, must be from 13 to 64"),
        ("burst_splitter", {"ADDRESS_BITS": 12}, "ADDRESS_BITS = 12, must be from 13 to 64"),
        ("burst_splitter", {"TAG_BITS": 0}, "TAG_BITS = 0, must be at least 1"),
        ("split_counter", {"BITS": 0}, "BITS = 0, must be at least 1"),
        ("control_registers", {"CAPACITY": 256}, "CAPACITY = 256, must be from 1 to 255"),
        ("dma_read", {"BURSTS": 1}, "BURSTS = 1, must be at least 2"),
        ("dma_write", {"BURSTS": 1}, "BURSTS = 1, must be at least 2"),
        ("dma_write", {"DEPTH": 15}, "DEPTH = 15, must be at least 16"),
        ("gearbox", {"W": 0}, "W = 0, must be at least 1"),
        ("gearbox", {"OUT": 0}, "IN = 8, OUT = 0, must be at least 1"),
    ],
)
def test_a_bad_parameter_is_named(top, parameters, message, tmp_path):
    run = with_parameters(parameters, tmp_path, top)
    assert f"{top}: {message}" in run.stderr and run.returncode != 0, run.stderr


def test_each_file_is_a_module_of_its_name():
    for file in (share("rtl") / "shell").glob("*.sv"):
        modules = [line for line in file.read_text().splitlines() if line.startswith("module ")]
        assert len(modules) == 1 and modules[0].split()[1] == file.stem
