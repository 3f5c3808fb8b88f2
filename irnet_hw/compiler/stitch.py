"""Pass 11: the RTL of all nodes in one folder, and the top module that joins them."""

import shutil
import tempfile
from pathlib import Path

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.boards import Board
from irnet_hw.compiler.graph import op

TOP = "accelerator"


def stitch(model: ModelWrapper, board: Board, folder: Path) -> tuple[list[str], list[str]]:
    """Write the RTL of a specialised chain of nodes.

    Args:
        model: the graph; it isn't changed.
        board: for its part and clock.
        folder: to write into; must exist.

    Returns:
        the names of the sources in the order in which they are to be compiled, the top last, and
        the names of the hex files that they read.
    """
    model = ModelWrapper(model.model, make_deepcopy=True)
    sources: dict[str, Path] = {}
    data: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="irnet-hw-") as temporary:
        for node in model.graph.node:
            kernel, own = op(node), Path(temporary) / node.name
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
            shutil.copyfile(path, folder / path.name)
    (folder / f"{TOP}.sv").write_text(_top(list(model.graph.node)))
    return [*sources, f"{TOP}.sv"], sorted(data)


def _top(nodes: list[NodeProto]) -> str:
    """Return the top module: stream i enters node i, and stream i + 1 leaves it."""
    kernels = [op(node) for node in nodes]
    widths = [kernels[0].get_instream_width_padded()]
    widths += [kernel.get_outstream_width_padded() for kernel in kernels]
    last = len(nodes)
    lines = [
        f"// {TOP}: a network as a chain of kernels between two AXI4-Streams. Generated.",
        "//",
        "// With IRNET_TAPS defined every kernel's output stream can be watched: tap<i>_data is",
        "// its beat, and tap<i>_fire says that the beat moves in this cycle.",
        "",
        f"module {TOP} (",
        "    input  logic ap_clk,",
        "    input  logic ap_rst_n,  // synchronous, active low",
        f"    input  logic [{widths[0] - 1}:0] in0_V_TDATA,  // pixels, NHWC",
        "    input  logic in0_V_TVALID,",
        "    output logic in0_V_TREADY,",
        "`ifdef IRNET_TAPS",
    ]
    for i, node in enumerate(nodes):
        lines += [
            f"    output logic [{widths[i + 1] - 1}:0] tap{i}_data,  // {node.name}",
            f"    output logic tap{i}_fire,",
        ]
    lines += [
        "`endif",
        f"    output logic [{widths[last] - 1}:0] out0_V_TDATA,  // logits",
        "    output logic out0_V_TVALID,",
        "    input  logic out0_V_TREADY",
        ");",
        "",
    ]
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
    for i in range(last):
        lines += [
            f"    assign tap{i}_data = s{i + 1}_data;",
            f"    assign tap{i}_fire = s{i + 1}_valid && s{i + 1}_ready;",
        ]
    lines += ["`endif", ""]
    for i, node in enumerate(nodes):
        lines += [
            f"    {node.name} node{i} (",
            "        .ap_clk(ap_clk),",
            "        .ap_rst_n(ap_rst_n),",
            f"        .in0_V_TDATA(s{i}_data),",
            f"        .in0_V_TVALID(s{i}_valid),",
            f"        .in0_V_TREADY(s{i}_ready),",
            f"        .out0_V_TDATA(s{i + 1}_data),",
            f"        .out0_V_TVALID(s{i + 1}_valid),",
            f"        .out0_V_TREADY(s{i + 1}_ready)",
            "    );",
            "",
        ]
    return "\n".join([*lines, "endmodule", ""])
