"""Board top: the shell around the accelerator, for the board's processor and memory.

The shell itself is the same for every accelerator (rtl/shell/). The top of the bitstream,
``irnet_board``, is generated here: it connects shell and accelerator and contains the identity
by which the runtime recognises the accelerator.
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from irnet_hw.artifact import registers
from irnet_hw.artifact.folder import identity_digits, shell_digest
from irnet_hw.artifact.manifest import Manifest, Shell, identity
from irnet_hw.artifact.names import SHELL
from irnet_hw.boards import Board
from irnet_hw.share import share
from irnet_hw.verilog import writer
from irnet_hw.verilog.library import library, needed, source_of
from irnet_hw.verilog.writer import Port

TOP = "irnet_board"


def describe_shell(sources: Sequence[str], board: Board) -> Shell:
    """Return the manifest's description of the shell, with an empty identity.

    Args:
        sources: the accelerator's.
        board: provides the addresses.
    """
    own = _sources({Path(source).stem for source in sources})
    return Shell(
        top=TOP,
        sources=tuple(f"{SHELL}/{source.name}" for source in own),
        version=registers.VERSION,
        address_bits=board.address_bits,
        base_address=board.register_base,
        identity="",
        registers={register.name: register.value for register in registers.Register},
    )


def write_shell(manifest: Manifest, folder: Path) -> Manifest:
    """Write the shell into an accelerator's folder.

    Args:
        manifest: complete except for the shell's identity and the hashes of shell and manifest.
        folder: the accelerator's.

    Returns:
        the manifest with the identity and the shell's hash.
    """
    target = folder / SHELL
    target.mkdir()
    for source in _sources({Path(source).stem for source in manifest.sources}):
        shutil.copyfile(source, target / source.name)
    # The identity also covers the top's hash, taken before the identity is written into the top.
    top = folder / manifest.shell.top_file
    top.write_text(_top(manifest))
    hashes = replace(manifest.hashes, shell=shell_digest(manifest, folder))
    manifest = replace(manifest, hashes=hashes)
    shell = replace(manifest.shell, identity=identity(manifest))
    manifest = replace(manifest, shell=shell)
    top.write_text(_top(manifest))
    return manifest


def _sources(present: Collection[str]) -> list[Path]:
    """Return the shell's sources, and the kernel modules that it uses.

    Args:
        present: the accelerator's modules, which must not be listed twice.
    """
    own = sorted((share("rtl") / "shell").glob("*.sv"))
    files = library()
    names = dict.fromkeys(name for path in own for name in needed(path.stem, source_of))
    borrowed = sorted(names.keys() - {path.stem for path in own} - set(present))
    return [files[name] for name in borrowed] + own


def _top(manifest: Manifest) -> str:
    """Return the top module: the shell, the accelerator, and the stream between them."""
    entry, exit_, shell = manifest.input, manifest.output, manifest.shell
    in_bits, out_bits, values = entry.tdata_bits, exit_.tdata_bits, exit_.lanes
    parameters = {
        "ADDRESS_BITS": shell.address_bits,
        "IN_BYTES": in_bits // 8,
        "IN_BEATS": entry.beats,
        "OUT_LANES": values,
        "OUT_BITS": exit_.bits // values,
        "OUT_BEATS": exit_.beats,
        "OUT_TDATA_BITS": out_bits,
        "IDENTITY": f"128'h{identity_digits(shell.identity)}",
    }
    ports = _ports(shell.address_bits)
    streams = [f"{end}_{wire}" for end in ("in", "out") for wire in ("tdata", "tvalid", "tready")]
    own = [*(port.name for port in ports), "acc_rst_n", *streams]
    network = {"ap_clk": "aclk", "ap_rst_n": "acc_rst_n"}
    for wire in streams:
        end, signal = wire.split("_")
        network[f"{end}0_V_{signal.upper()}"] = wire
    body = [
        "    logic acc_rst_n;",
        f"    logic [{in_bits - 1}:0] in_tdata;",
        "    logic in_tvalid, in_tready;",
        f"    logic [{out_bits - 1}:0] out_tdata;",
        "    logic out_tvalid, out_tready;",
        "",
        writer.instance("irnet_shell", "shell", {name: name for name in own}, parameters),
        writer.instance(manifest.top, "network", network),
    ]
    about = [
        f"{TOP}: an accelerator in its shell, the top of the bitstream. Generated.",
        "",
        "IDENTITY is a hash over the network, the accelerator's sources and the shell's; the",
        "runtime compares it with the manifest's.",
    ]
    return writer.module(TOP, ports, "\n".join(body), about)


#: Comments above a port, about it or about all ports from there on.
_PORTS = {
    "aclk": "the clock of the whole design",
    "aresetn": "synchronous, active low",
    "interrupt": "level, active high",
    "s_axi_awaddr": "AXI4-Lite: registers",
    "m_axi_awaddr": "AXI4: memory",
}


def _ports(address_bits: int) -> list[Port]:
    """Return the processor's side of the shell, named so that Vivado infers the interfaces."""
    widths = {
        "s_axi": {"addr": 12, "data": 32, "strb": 4},
        "m_axi": {"addr": address_bits, "data": 64, "strb": 8},
    }
    common = {"prot": 3, "resp": 2, "len": 8, "size": 3, "burst": 2, "cache": 4, "qos": 4}
    burst = ("len", "size", "burst", "lock", "cache")
    found = [Port("aclk", True), Port("aresetn", True), Port("interrupt", False)]
    for interface, own in widths.items():
        master = interface == "m_axi"
        last, qos = (("last",), ("qos",)) if master else ((), ())
        address = ("addr", *(burst if master else ()), "prot", *qos)
        # The signals that each channel's source drives; only "ready" goes the other way.
        for channel, signals, to_slave in (
            ("aw", address, True),
            ("w", ("data", "strb", *last), True),
            ("b", ("resp",), False),
            ("ar", address, True),
            ("r", ("data", "resp", *last), False),
        ):
            incoming = to_slave != master
            for signal in (*signals, "valid"):
                bits = own.get(signal) or common.get(signal)
                found.append(Port(f"{interface}_{channel}{signal}", incoming, bits))
            found.append(Port(f"{interface}_{channel}ready", not incoming))
    return [
        replace(port, above=(f"// {_PORTS[port.name]}",)) if port.name in _PORTS else port
        for port in found
    ]
