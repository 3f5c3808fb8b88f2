"""Build networks that others wrote, and compare their RTL with the files as they are.

Run from the repository's root::

    python -m benchmarks.third_party FOLDER_OF_QONNX_FILES

For each file: whether it builds and if not why, the cycles of a frame, the LUTs by the model, and
how many values of the output differ between the RTL in Verilator, behind the driver, and qonnx's
executor on the file. With --bnn-pynq, the networks of Brevitas' bnn_pynq examples are added, with
random weights and batch-norm statistics. With --finn, FINN's own conversion to hardware layers is
tried on the same files, and what it makes is executed in Python.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from irnet_hw import spec
from irnet_hw.artifact.names import GIVEN, MODEL
from irnet_hw.cli import options
from irnet_hw.compiler.front import with_input_scale
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.progress import Status, track
from irnet_hw.runtime import Accelerator
from irnet_hw.runtime.tail import equal
from irnet_hw.scratch import scratch

#: The networks of brevitas_examples.bnn_pynq.
BNN_PYNQ = tuple(
    f"{name}_{bits}"
    for name in ("tfc", "sfc", "lfc", "cnv")
    for bits in ("1w1a", "1w2a", "2w2a")
    if (name, bits) != ("lfc", "2w2a")  # Brevitas has none
)
#: Seconds that FINN may take for one file.
PATIENCE = 300

Figures = dict[str, Any]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", default="zcu104", show_default=True, help="The board to build for.")
@click.option("--fps", default=1000.0, show_default=True, help="Frames per second to build for.")
@click.option("--images", default=4, show_default=True, help="Number of images to simulate.")
@click.option("--bnn-pynq", is_flag=True, help="Add the networks of Brevitas' examples.")
@click.option("--finn", is_flag=True, help="Try FINN on the same files.")
@click.option(
    "--out", default="third_party.json", show_default=True, type=click.Path(path_type=Path)
)
@options.force
def main(
    folder: Path,
    board: str,
    fps: float,
    images: int,
    bnn_pynq: bool,
    finn: bool,
    out: Path,
    force: bool,
) -> None:
    """Build, simulate and compare the QONNX files of FOLDER, and print a table."""
    rows: list[Figures] = []
    try:
        require_ours(out, holds_json(machine=..., networks=...), force)
        with scratch("third-party") as work:
            files: list[tuple[Path, Fraction | None]] = [
                (path, None) for path in sorted(folder.glob("*.onnx"))
            ]
            if bnn_pynq:
                files += [(path, Fraction(1, 255)) for path in examples(work)]
            status = Status()
            for path, scale in track(files, "networks", len(files), "networks", status):
                row = measure(path, scale, work / "build", board, fps, images)
                if finn:
                    row["finn"] = apart(path, scale, images)
                rows.append(row)
                status.text = f"{path.name}: {row['result']}"
                with whole_file(out) as part:
                    part.write_text(json.dumps(result(rows, board, fps), indent=1) + "\n")
    except UserError as error:
        raise click.ClickException(str(error)) from error
    console = Console(width=180)
    console.print(table(rows))
    console.print(summary(rows))


def result(rows: list[Figures], board: str, fps: float) -> Figures:
    """Return the content of the JSON file."""
    return {
        **about("verilator", "qonnx", "brevitas", "finn-plus"),
        "board": board,
        "fps": fps,
        "networks": rows,
    }


def measure(
    path: Path, scale: Fraction | None, out: Path, board: str, fps: float, images: int
) -> Figures:
    """Return the figures of one file; a file that can't be built has the reason."""
    start = time.monotonic()
    row: Figures = {"network": path.stem}
    try:
        built = build(path, board, out, fps, force=True, input_scale=scale)
    except UserError as error:
        return {**row, "result": "refused", "reason": str(error).removeprefix(f"{path}: ")}
    pixels = pictures(built.image, images)
    specification = spec.load(out / MODEL)
    moved = (out / GIVEN).exists() and scale is None
    with Accelerator(out, device="sim") as accelerator:
        found = accelerator.logits(pixels)
    right = spec.run(specification, pixels)[specification.graph.output[0].name]
    same = equal(built.tail, found, right.reshape(found.shape))
    return {
        **row,
        "result": "equal" if same.all() else "different",
        "cycles": {"model": built.cycles_per_frame},
        "LUT": {"model": built.area.LUT},
        "values": int(same.size),
        "differences": int(np.count_nonzero(~same)),
        "specification": "scales behind layers" if moved else "the file",
        "seconds": round(time.monotonic() - start, 1),
    }


def pictures(shape: tuple[int, ...], count: int) -> npt.NDArray[np.uint8]:
    """Return a black and a white image, and random ones."""
    found = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    found[0], found[1:2] = 0, 255
    return found


def examples(folder: Path) -> Iterator[Path]:
    """Yield files of Brevitas' examples, with random weights and statistics."""
    import torch
    from brevitas.export import export_qonnx
    from brevitas_examples.bnn_pynq.models import model_with_cfg

    for name in BNN_PYNQ:
        torch.manual_seed(0)
        module, _ = model_with_cfg(name, pretrained=False)
        module.eval()
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                size = part.num_features
                part.running_mean.copy_(torch.randn(size))  # type: ignore[union-attr]
                part.running_var.copy_(torch.rand(size) * 50 + 1)  # type: ignore[union-attr]
                part.weight.data = torch.randn(size)
                part.bias.data = torch.randn(size)
        image = (1, 3, 32, 32) if name.startswith("cnv") else (1, 1, 28, 28)
        path = folder / f"bnn_pynq_{name}.onnx"
        export_qonnx(module, args=torch.rand(image), export_path=str(path), dynamo=False)
        yield path


# ------------------------------------------------------------------ FINN


def apart(path: Path, scale: Fraction | None, images: int) -> Figures:
    """Return what FINN does with a file, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=_finn, args=(path, scale, images, queue))
    child.start()
    try:
        found: Figures = queue.get(timeout=PATIENCE)
    except Exception:
        found = {"result": "failed", "reason": f"nothing after {PATIENCE} s"}
    child.kill()
    child.join()
    return found


def _finn(path: Path, scale: Fraction | None, images: int, queue: Any) -> None:
    try:
        from finn.util.settings import initialize_dummy_settings

        initialize_dummy_settings()
        import finn.xsi

        finn.xsi.SimEngine = object  # Vivado's simulator, which is not run
        os.environ["XILINX_VIVADO"] = "/nowhere/Vivado/2024.2"  # only its version is looked at
        queue.put(_by_finn(path, scale, images))
    except BaseException as error:
        queue.put({"result": "failed", "reason": f"{type(error).__name__}: {error}"[:300]})


def _by_finn(path: Path, scale: Fraction | None, images: int) -> Figures:
    """Convert a file by FINN's own steps, and execute the hardware layers in Python."""
    from finn.builder.build_dataflow_config import DataflowBuildConfig
    from finn.builder.build_dataflow_steps import (
        step_convert_to_hw,
        step_qonnx_to_finn,
        step_streamline,
        step_tidy_up,
    )
    from qonnx.core.datatype import DataType
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    given = with_input_scale(spec.load(path), scale)
    pixels = pictures(tuple(spec.image_shape(given)), images)
    right = spec.run(given, pixels)[given.graph.output[0].name]
    model = cleanup_model(given)
    model.set_tensor_datatype(model.graph.input[0].name, DataType["UINT8"])
    config = DataflowBuildConfig(
        output_dir=".", synth_clk_period_ns=10.0, generate_outputs=[], board="ZCU104"
    )
    for step in (step_qonnx_to_finn, step_tidy_up, step_streamline, step_convert_to_hw):
        model = step(model, config)
    left = sorted(
        {node.op_type for node in model.graph.node if not node.domain.startswith("finn.custom_op")}
    )
    entry, output = model.graph.input[0].name, model.graph.output[0].name
    x = spec.entry(given, pixels)
    layout = model.get_tensor_shape(entry)
    if layout != list(given.get_tensor_shape(given.graph.input[0].name)) and x.ndim == 4:
        x = x.transpose(0, 2, 3, 1)
    results = np.concatenate(
        [execute_onnx(model, {entry: one[np.newaxis]})[output].reshape(1, -1) for one in x]
    )
    flat = right.reshape(results.shape)
    wrong = np.count_nonzero(results != flat)
    return {
        "result": "equal" if not wrong else "different",
        "left_in_software": left,
        "differences": int(wrong),
        "values": int(results.size),
        "other_classes": int(np.count_nonzero(results.argmax(axis=1) != flat.argmax(axis=1))),
    }


# ------------------------------------------------------------------ tables


def table(rows: list[Figures]) -> Table:
    """Return the figures as a table."""
    found = Table("network", "result", "cycles (model)", "LUT (model)", "values", "differ", "FINN")
    for row in rows:
        theirs = row.get("finn", {})
        found.add_row(
            row["network"],
            row["result"] if "reason" not in row else f"refused: {row['reason']}",
            f"{row['cycles']['model']:,}" if "cycles" in row else "",
            f"{row['LUT']['model']:,}" if "LUT" in row else "",
            str(row.get("values", "")),
            str(row.get("differences", "")),
            theirs.get("result", "") + _classes(theirs),
        )
    return found


def _classes(theirs: Figures) -> str:
    other = theirs.get("other_classes", 0)
    return f", {other} other classes" if other else ""


def summary(rows: list[Figures]) -> str:
    """Return how many files are built, and how many of these are exact."""
    built = [row for row in rows if row["result"] != "refused"]
    exact = [row for row in built if row["result"] == "equal"]
    theirs = [row["finn"]["result"] for row in rows if "finn" in row]
    said = f"{len(built)} of {len(rows)} built, {len(exact)} of these exact (RTL, sim)"
    if theirs:
        taken = [each for each in theirs if each != "failed"]
        said += f"; FINN took {len(taken)}, {taken.count('equal')} of these exact (in Python)"
    return said


if __name__ == "__main__":
    main()
