from types import SimpleNamespace

import pytest

from irnet_hw.verilog.layer import MODULE, part
from irnet_hw.verilog.writer import Port

WRAPPER = """// {name}: generated.
module {name} (
    input  logic ap_clk,
    input  logic [7:0] in0_V_TDATA,
    output logic in0_V_TREADY
);
    outer #(.FILES("{name}_words")) kernel (.clk(ap_clk));
endmodule
"""


@pytest.fixture
def folder(tmp_path):
    sources = {
        "inner": "module inner; endmodule",
        "other": "module other; endmodule",
        "outer": "module outer; inner i(); endmodule",
        "A_1": WRAPPER.format(name="A_1"),
        "A_10": WRAPPER.format(name="A_10"),
        "B": WRAPPER.format(name="B").replace("outer", "other"),
    }
    for name, text in sources.items():
        (tmp_path / f"{name}.sv").write_text(text)
    for name in ("A_1", "A_10", "B"):
        (tmp_path / f"{name}_words.hex").write_text(f"{len(name)}\n")
    return tmp_path


@pytest.fixture
def content(folder):
    return SimpleNamespace(
        sources=sorted(path.name for path in folder.glob("*.sv")),
        data=sorted(path.name for path in folder.glob("*.hex")),
    )


def test_layers_of_equal_parameters_differ_in_their_data_alone(folder, content):
    first, second = (part(folder, content, name) for name in ("A_1", "A_10"))
    assert list(first.sources) == ["inner.sv", "outer.sv", f"{MODULE}.sv"]
    assert first.sources == second.sources
    assert first.data == {f"{MODULE}_words.hex": folder / "A_1_words.hex"}
    assert second.data == {f"{MODULE}_words.hex": folder / "A_10_words.hex"}
    assert first.digest("flags", data=False) == second.digest("flags", data=False)
    assert first.digest("flags", data=False) != first.digest("other flags", data=False)
    assert first.digest(data=True) != second.digest(data=True)


def test_a_layer_of_other_modules_is_another(folder, content):
    first, other = (part(folder, content, name) for name in ("A_1", "B"))
    assert list(other.sources) == ["other.sv", f"{MODULE}.sv"]
    assert first.digest(data=False) != other.digest(data=False)


def test_what_it_does_not_use_does_not_matter(folder, content):
    before = part(folder, content, "A_1").digest(data=True)
    (folder / "other.sv").write_text("module other; wire x; endmodule")
    assert part(folder, content, "A_1").digest(data=True) == before
    (folder / "inner.sv").write_text("module inner; wire x; endmodule")
    assert part(folder, content, "A_1").digest(data=True) != before


def test_it_can_be_written_under_any_name(folder, content, tmp_path):
    one = part(folder, content, "A_10")
    sources, data = one.called("renamed")
    assert list(sources) == ["inner.sv", "outer.sv", "renamed.sv"]
    assert sources["renamed.sv"] == WRAPPER.format(name="renamed")
    assert data == {"renamed_words.hex": folder / "A_10_words.hex"}
    out = tmp_path / "out"
    out.mkdir()
    assert one.write(out) == list(one.sources)
    assert (out / f"{MODULE}.sv").read_text() == WRAPPER.format(name=MODULE)


def test_its_ports(folder, content):
    assert part(folder, content, "A_1").ports() == [
        Port("ap_clk", True, None),
        Port("in0_V_TDATA", True, 8),
        Port("in0_V_TREADY", False, None),
    ]
