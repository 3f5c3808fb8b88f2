"""Stitching: the RTL of all nodes in one folder, and the top module that connects them."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.artifact.names import RTL
from irnet_hw.boards import Board
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.wires import wires
from irnet_hw.scratch import scratch
from irnet_hw.verilog import writer
from irnet_hw.verilog.writer import Port

TOP = "accelerator"


class Stitched(NamedTuple):
    """The RTL of a graph, as paths in the accelerator's folder.

    Attributes:
        sources: in compilation order, the top last.
        data: the hex files that they read.
    """

    sources: tuple[str, ...]
    data: tuple[str, ...]


def stitch(model: ModelWrapper, board: Board, folder: Path) -> Stitched:
    """Write the RTL of a specialised graph.

    Args:
        model: the graph, which is not changed.
        board: provides the part and the clock.
        folder: the accelerator's, still without RTL.
    """
    rtl = folder / RTL
    rtl.mkdir()
    model = ModelWrapper(model.model, make_deepcopy=True)
    sources: dict[str, Path] = {}
    data: dict[str, Path] = {}
    with scratch("rtl") as temporary:
        for node in model.graph.node:
            kernel, own = op(node), temporary / node.name
            own.mkdir()
            kernel.set_nodeattr("code_gen_dir_ipgen", str(own))
            kernel.code_generation_ipgen(model, board.part, 1000 / board.clock_mhz)
            for found, paths in (
                (sources, kernel.get_rtl_file_list(abspath=True)),
                (data, kernel.get_data_file_list()),
            ):
                for path in map(Path, paths):
                    first = found.setdefault(path.name, path)
                    assert first == path, f"two different files are called {path.name}"
        for path in (*sources.values(), *data.values()):
            shutil.copyfile(path, rtl / path.name)
    (rtl / f"{TOP}.sv").write_text(_top(model))
    return Stitched(
        tuple(f"{RTL}/{name}" for name in (*sources, f"{TOP}.sv")),
        tuple(f"{RTL}/{name}" for name in sorted(data)),
    )


def _top(model: ModelWrapper) -> str:
    """Return the top module, in which every stream is a bundle of wires between two nodes."""
    nodes, streams = list(model.graph.node), wires(model)
    kernels = [op(node) for node in nodes]
    widths = [kernels[0].get_instream_width_padded()]
    widths += [
        kernel.get_outstream_width_padded(port)
        for kernel in kernels
        for port in range(kernel.streams_out())
    ]
    last = len(streams) - 1
    taps = []
    for i, (width, stream) in enumerate(zip(widths, streams, strict=True)):
        if stream.source is not None:
            above = (f"// {nodes[stream.source.node].name}",)
            taps += [
                Port(f"tap{i}_data", False, width, above),
                Port(f"tap{i}_valid", False),
                Port(f"tap{i}_ready", False),
            ]
    taps[0] = replace(taps[0], above=("`ifdef IRNET_TAPS", *taps[0].above))
    pixels, *taken = writer.stream("in0_V", widths[0], True)
    logits, *offered = writer.stream("out0_V", widths[last], False)
    ports = [
        Port("ap_clk", True),
        Port("ap_rst_n", True, above=("// synchronous, active low",)),
        replace(pixels, above=("// pixels, NHWC",)),
        *taken,
        *taps,
        replace(logits, above=("`endif", "// logits")),
        *offered,
    ]
    lines = []
    for i, width in enumerate(widths):
        lines += [f"    logic [{width - 1}:0] s{i}_data;", f"    logic s{i}_valid, s{i}_ready;"]
    lines += [
        "",
        "    assign s0_data = in0_V_TDATA;",
        "    assign s0_valid = in0_V_TVALID;",
        "    assign in0_V_TREADY = s0_ready;",
        f"    assign out0_V_TDATA = s{last}_data;",
        f"    assign out0_V_TVALID = s{last}_valid;",
        f"    assign s{last}_ready = out0_V_TREADY;",
        "",
        "`ifdef IRNET_TAPS",
    ]
    for i in range(1, len(streams)):
        lines += [f"    assign tap{i}_{wire} = s{i}_{wire};" for wire in ("data", "valid", "ready")]
    lines += ["`endif", ""]
    for place, node in enumerate(nodes):
        connections = {"ap_clk": "ap_clk", "ap_rst_n": "ap_rst_n"}
        for side in ("in", "out"):
            for i, stream in enumerate(streams):
                end = stream.target if side == "in" else stream.source
                if end is not None and end.node == place:
                    for wire in ("data", "valid", "ready"):
                        connections[f"{side}{end.port}_V_T{wire.upper()}"] = f"s{i}_{wire}"
        lines.append(writer.instance(node.name, f"node{place}", connections))
    about = [
        f"{TOP}: a network as kernels and the streams between them. Generated.",
        "",
        "With IRNET_TAPS defined, every stream but the input can be observed: tap<i>_data is the",
        "beat of stream i, which moves in this cycle if tap<i>_valid and tap<i>_ready are high.",
    ]
    return writer.module(TOP, ports, "\n".join(lines), about)
