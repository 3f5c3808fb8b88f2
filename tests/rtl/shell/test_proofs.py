"""Proofs by induction, with Yosys' SAT solver: they hold in every cycle after a reset."""

from pathlib import Path

import pytest

from irnet_hw.synthesise.yosys import READ
from tests.rtl.shell.designs import SOURCES
from tests.yosys import run_yosys

#: What a proof abstracts: the contents of the FIFOs' memories and of registers are arbitrary.
CUT = {
    "shell_proof": "cutpoint w:dut.reg_read_data\ncutpoint t:$mem_v2 n:*beats* %i\n",
}
PROOFS = [
    ("axi_lite_slave_proof", {}),
    ("batch_length_proof", {"ADDRESS_BITS": 13, "FRAME_BYTES": 15}),
    ("burst_splitter_proof", {"ADDRESS_BITS": 32}),
    ("control_registers_proof", {}),
    ("dma_read_proof", {"BURSTS": 2}),
    ("dma_write_proof", {"BURSTS": 2, "DEPTH": 16}),
    ("gearbox_proof", {"W": 2, "IN": 8, "OUT": 3}),
    ("gearbox_proof", {"W": 2, "IN": 4, "OUT": 5}),
    ("gearbox_proof", {"W": 2, "IN": 3, "OUT": 2}),
    ("gearbox_proof", {"W": 2, "IN": 5, "OUT": 1}),
    ("shell_proof", {}),
]


def prove(folder, top, parameters):
    """Prove the assertions of a module in proofs/; return Yosys' output."""
    sources = [Path(__file__).parent / "proofs" / f"{top}.sv", *SOURCES]
    for source in sources:
        (folder / source.name).write_text(source.read_text())
    settings = " ".join(f"-G {name}={value}" for name, value in parameters.items())
    reset = "aresetn" if top == "shell_proof" else "rst_n"
    script = (
        f"{READ} --top {top} {settings} "
        f"{' '.join(source.name for source in sources)}\n"
        f"prep -flatten -top {top}\n"
        "chformal -lower\n"
        "memory_collect\n"
        f"{CUT.get(top, '')}"
        "memory_map\n"
        "opt -full\n"
        f"sat -set-assumes -prove-asserts -set-at 1 {reset} 0 "
        f"-seq 1 -tempinduct -maxsteps 1 {top}\n"
    )
    return run_yosys(folder, script)[1]


@pytest.mark.parametrize(("top", "parameters"), PROOFS)
def test_holds_in_every_cycle(top, parameters, tmp_path):
    said = prove(tmp_path, top, parameters)
    assert "Induction step proven: SUCCESS!" in said, said[-6000:]


@pytest.mark.parametrize(
    ("top", "file", "right", "wrong"),
    [
        ("axi_lite_slave_proof", "axi_lite_slave", "&& !s_axi_bvalid;", ";"),
        ("batch_length_proof", "batch_length", "words_t'(bytes[2:0] != '0)", "words_t'(0)"),
        ("burst_splitter_proof", "burst_splitter", "left <= words_t'(16);", "left < words_t'(16);"),
        ("control_registers_proof", "control_registers", "|| done;", ";"),
        ("dma_read_proof", "dma_read", "free >= free_t'(16)", "free >= free_t'(15)"),
        ("dma_read_proof", "dma_read", "(full_length || came_last)", "came_last"),
        ("dma_write_proof", "dma_write", "held > held_t'(burst_len)", "held != '0"),
        ("gearbox_proof", "gearbox", "left < held_t'(OUT)", "left <= held_t'(OUT)"),
        ("shell_proof", "reset_control", "quiet <= !busy", "quiet <= 1'b1"),
    ],
)
def test_finds_a_fault(top, file, right, wrong, tmp_path, monkeypatch):
    """A proof that can't fail proves nothing."""
    faulty = tmp_path / f"{file}.sv"
    (source,) = [path for path in SOURCES if path.stem == file]
    text = source.read_text()
    assert text.count(right) == 1
    faulty.write_text(text.replace(right, wrong))
    others = [path for path in SOURCES if path.stem != file]
    monkeypatch.setattr("tests.rtl.shell.test_proofs.SOURCES", [*others, faulty])
    said = prove(tmp_path, top, {})
    assert "proof failed" in said or "model found for base case" in said, said[-6000:]
    assert "SUCCESS" not in said
