"""Runs the Vivado scripts in a Tcl interpreter that records Vivado's commands.

Vivado itself is neither needed nor tested: recorded_vivado.tcl says what is checked.
"""

import contextlib
import os
from pathlib import Path

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.bitstream.vivado import write_project
from irnet_hw.boards import load_board
from tests.networks import LEAST, build_network

tkinter = pytest.importorskip("tkinter", reason="this Python has no Tcl interpreter (tkinter)")

RECORDER = Path(__file__).with_name("recorded_vivado.tcl")
#: For each board: the processor's clock, reset, register port, memory port and interrupt.
ENDS = {
    "pynq-z2": ("FCLK_CLK0", "FCLK_RESET0_N", "M_AXI_GP0", "S_AXI_HP0", "IRQ_F2P"),
    "zcu104": ("pl_clk0", "pl_resetn0", "M_AXI_HPM0_FPD", "S_AXI_HP0_FPD", "pl_ps_irq0"),
}
ENDS["aup-zu3"] = ENDS["kv260"] = ENDS["zcu104"]  # all are of the Zynq UltraScale+
#: The newest of the board files that the recorder has.
BOARD_FILES = {
    "aup-zu3": "realdigital.org:aup-zu3-8gb:part0:1.0",
    "kv260": "xilinx.com:kv260_som:part0:1.4",
    "zcu104": "xilinx.com:zcu104:part0:1.1",
}


class Run:
    """A run of a build's build.tcl in an empty folder.

    Attributes:
        calls: Vivado's commands, each a list.
        messages: what was printed.
    """

    def __init__(self, folder, scratch, missing="", failing=""):
        scratch.mkdir()
        self._tcl = tkinter.Tcl()
        self._tcl.wantobjects(False)  # values as Tcl writes them
        self._tcl.setvar("missing", missing)
        self._tcl.setvar("failing", failing)
        self._tcl.call("source", str(RECORDER))
        with contextlib.chdir(scratch):
            self._tcl.call("source", os.path.relpath(folder / "vivado" / "build.tcl"))
        self.calls = [self.split(call) for call in self.split(self._tcl.getvar("calls"))]
        self.messages = self.split(self._tcl.getvar("messages"))

    def split(self, text):
        return [str(part) for part in self._tcl.splitlist(text)]

    def variable(self, name):
        return self.split(self._tcl.getvar(name))

    def of(self, command):
        return [call[1:] for call in self.calls if call[0] == command]

    def properties(self, end):
        """Return what set_property set on the object whose name has this ending."""
        found = {}
        for *settings, target in self.of("set_property"):
            if target.strip("{}").endswith(end):
                pairs = self.split(settings[1]) if settings[0] == "-dict" else settings
                found |= dict(zip(pairs[::2], pairs[1::2], strict=True))
        return found


@pytest.fixture(scope="module", params=ENDS)
def built(request, tmp_path_factory):
    """A board's name, and an accelerator's folder with the scripts; its path contains a space."""
    folder = build_network(LEAST, tmp_path_factory.mktemp("a project"), request.param)
    write_project(folder, manifest.load(folder), load_board(request.param))
    return request.param, folder


@pytest.fixture(scope="module")
def run(built, tmp_path_factory):
    return Run(built[1], tmp_path_factory.mktemp("run") / "scratch")


def test_it_leaves_the_bitstream_and_says_how_far_it_is(built, tmp_path):
    board, folder = built
    run = Run(folder, tmp_path / "scratch")
    assert (tmp_path / "scratch" / "irnet.bit").read_text() == ".bit"
    assert (tmp_path / "scratch" / "irnet.hwh").read_text() == ".hwh"
    assert run.of("report_timing_summary") == [["-file", "timing.rpt"]]
    assert run.of("report_utilization") == [["-file", "utilisation.rpt"]]
    assert run.messages == [
        f"irnet: making the project for {load_board(board).part}",
        "irnet: making the block design",
        "irnet: synthesising",
        "irnet: placing and routing",
        "irnet: done",
    ]


def test_every_source_and_memory_is_in_the_project(built, run):
    folder = built[1]
    content = manifest.load(folder)
    # Each is a list of one file: in braces, as there is a space in the path.
    added = [Path(call[-1].strip("{}")) for call in run.of("add_files")]
    relative = [path.relative_to(folder) for path in added if path.is_absolute()]
    wanted = [*content.sources, *content.shell.sources, "shell/irnet_board.sv"]
    assert list(map(str, relative)) == ["vivado/irnet_vivado.v", *wanted, *content.data]
    assert content.data
    for memory in content.data:
        assert run.properties(memory) == {"file_type": "Memory Initialization Files"}
    assert ["-id", "Synth 8-4445", "-new_severity", "ERROR"] in run.of("set_msg_config")


def test_everything_is_connected(built, run):
    clock, reset, control, memory, interrupt = ENDS[built[0]]
    cells = dict(zip(*[iter(run.variable("made(cells)"))] * 2, strict=True))
    assert set(cells) == {"processor", "reset", "registers", "memory", "irnet_board"}
    connected = run.variable("made(connected)")
    for cell, kind in cells.items():
        for name in run.variable(f"pins({kind})") + run.variable(f"interfaces({kind})"):
            assert f"/{cell}/{name}" in connected, f"{cell}/{name}"
    assert set(run.variable("made(intf_ports)")) <= {name.lstrip("/") for name in connected}
    nets = run.of("connect_bd_net")
    clocked = {sink for source, sink in nets if source == f"/processor/{clock}"}
    assert clocked == {
        *("/reset/slowest_sync_clk", "/registers/aclk", "/memory/aclk", "/irnet_board/aclk"),
        *(f"/processor/{pin}" for pin in run.variable(f"pins({cells['processor']})")
          if pin.lower().endswith("aclk")),
    }  # fmt: skip
    assert [f"/processor/{reset}", "/reset/ext_reset_in"] in nets
    assert ["/irnet_board/interrupt", f"/processor/{interrupt}"] in nets
    assert [
        [f"/processor/{control}", "/registers/S00_AXI"],
        ["/registers/M00_AXI", "/irnet_board/s_axi"],
        ["/irnet_board/m_axi", "/memory/S00_AXI"],
        ["/memory/M00_AXI", f"/processor/{memory}"],
    ] == run.of("connect_bd_intf_net")[-4:]


def test_addresses_are_those_of_the_manifest(built, run):
    board, folder = built
    shell = manifest.load(folder).shell
    memory = {"pynq-z2": ("S_AXI_HP0/HP0_DDR_LOWOCM", "0x20000000")}.get(
        board, ("SAXIGP2/HP0_DDR_LOW", "0x80000000")
    )
    assigned = [
        (*call[1:4:2], call[call.index("-target_address_space") + 1], call[-2])
        for call in run.of("assign_bd_address")
    ]
    assert assigned == [
        (f"0x{shell.base_address:08X}", "0x1000", "/processor/Data", "/irnet_board/s_axi/reg0"),
        ("0x0", memory[1], "/irnet_board/m_axi", f"/processor/{memory[0]}"),
    ]
    excluded = {call[-1] for call in run.of("exclude_bd_addr_seg")}
    names = () if board == "pynq-z2" else ("HP0_DDR_HIGH", "HP0_QSPI", "HP0_LPS_OCM")
    assert excluded == {f"/processor/SAXIGP2/{name}" for name in names}
    assert run.properties("/irnet_board") == {"CONFIG.ADDRESS_BITS": str(shell.address_bits)}


def test_the_processor_is_set_up(built, run):
    board = built[0]
    settings = run.properties("/processor")
    if board == "pynq-z2":
        assert settings["CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ"] == "100"
        assert settings["CONFIG.PCW_UIPARAM_DDR_PARTNO"] == "MT41J256M16 RE-125"
        assert all(name.startswith("CONFIG.PCW_") for name in settings)
        assert not run.of("apply_bd_automation")
    else:
        clock = f"{load_board(board).clock_mhz:g}"
        assert settings["CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ"] == clock
        assert run.properties("irnet") == {"board_part": BOARD_FILES[board]}
        assert run.of("apply_bd_automation") == [
            ["-rule", "xilinx.com:bd_rule:zynq_ultra_ps_e",
             "-config", 'apply_board_preset "1"', "/processor"]
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ({"missing": "smartconnect"}, "irnet: this Vivado has no IP called smartconnect"),
        ({"failing": "synth_1"}, "irnet: synth_1 failed: place_design ERROR"),
        ({"failing": "impl_1"}, "irnet: impl_1 failed: place_design ERROR"),
    ],
)
def test_trouble_ends_it_and_is_named(built, tmp_path, trouble, message):
    with pytest.raises(tkinter.TclError) as error:
        Run(built[1], tmp_path / "scratch", **trouble)
    assert str(error.value) == message
    assert not (tmp_path / "scratch" / "irnet.bit").exists()


def test_missing_board_files_are_named(built, tmp_path):
    board, folder = built
    if board == "pynq-z2":  # it needs none
        Run(folder, tmp_path / "scratch", missing="board files")
        return
    with pytest.raises(tkinter.TclError) as error:
        Run(folder, tmp_path / "scratch", missing="board files")
    assert str(error.value) == (
        f"irnet: this Vivado has no board files that match {load_board(board).vivado_board}; "
        "install them"
    )
