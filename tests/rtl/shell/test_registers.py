"""The register map in SystemVerilog is the one in Python."""

import pytest

from irnet_hw.artifact import registers
from irnet_hw.verilog import register_map

PARTS = register_map.parts()


@pytest.mark.parametrize("source", PARTS, ids=lambda path: path.name)
def test_the_constants_are_those_of_the_map(source):
    """Otherwise run python -m irnet_hw.verilog.register_map."""
    assert source.read_text() == register_map.updated(source, PARTS[source])


def test_a_changed_map_changes_the_constants(monkeypatch):
    monkeypatch.setattr(registers, "VERSION", 2)
    changed = [text for text in register_map.parts().values() if "VERSION = 32'd2;" in text]
    assert len(changed) == 1


def test_queued_is_in_status():
    assert registers.queued(0x0402) == 4
