"""The compile station: QONNX in, an accelerator's folder out."""

import shutil
from fractions import Fraction
from math import inf
from pathlib import Path

from qonnx.transformation.infer_shapes import InferShapes

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import DATAFLOW, FOLDING, GIVEN, MODEL
from irnet_hw.boards import load_board
from irnet_hw.compiler.emission.board_top import write_shell
from irnet_hw.compiler.emission.contents import describe_accelerator
from irnet_hw.compiler.emission.selfcheck import golden_images, selfcheck
from irnet_hw.compiler.emission.specialize import Specialize
from irnet_hw.compiler.emission.stitch import stitch
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.folder import former_identity, replaced, set_bitstream_aside
from irnet_hw.compiler.folding import config as folding_file
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import InsertStreams
from irnet_hw.compiler.front import read, say_what_moved
from irnet_hw.compiler.packed_pixels import take_out
from irnet_hw.compiler.passes.emit import units
from irnet_hw.compiler.testbench import write_testbench
from irnet_hw.errors import UserError
from irnet_hw.files import whole_folder
from irnet_hw.images import images_in
from irnet_hw.progress import say
from irnet_hw.read import arrays


def build(
    model: Path,
    board: str,
    out: Path,
    target_fps: float | None,
    folding_config: Path | None = None,
    force: bool = False,
    input_scale: Fraction | None = None,
    images: Path | None = None,
    packed_pixels: bool = False,
    clock_mhz: float | None = None,
) -> Manifest:
    """Compile a network into an accelerator's folder.

    The folder appears completely or not at all, and is byte for byte the same for the same inputs.

    Args:
        model: the exported QONNX file; golden.npz next to it is checked too.
        board: name of a board.
        out: the folder to write. An accelerator that is already there is replaced, together with
            the results of its simulation, synthesis and report; other files are kept.
        target_fps: frames per second that the accelerator has to reach at its clock, above 0;
            None: as many as fit the board.
        folding_config: a file that fixes folds.
        force: write even into a folder that is not an accelerator's, and overwrite files there.
        input_scale: pixels are multiplied by this before they reach the file's input.
        images: a .npz or .npy file, on whose images the file is compared with the specification if
            that has scales moved; None: golden.npz, or random images.
        packed_pixels: leave the function that the network begins with to the driver, so that the
            accelerator reads 1 to 4 bits for each pixel.
        clock_mhz: the fabric's clock; None: the board's.

    Returns:
        the manifest.

    Raises:
        UserError: the network is not supported, or has no function to leave to the driver, the
            board is unknown, the clock is out of range, the rate can't be reached, the fixed
            folds are not possible, the images are of another shape, or the folder can't be
            written.
    """
    model, out = Path(model), Path(out)
    if target_fps is not None and not 0 < target_fps < inf:
        raise UserError(f"target-fps: {target_fps:g}, must be a number above 0")
    where = load_board(board, clock_mhz)
    fixed = folding_file.read(folding_config) if folding_config else {}
    former = former_identity(out)

    def goes(old: Path, new: Path | None) -> set[str]:
        return replaced(old, new, folding_config, force)

    with whole_folder(out, goes, force) as folder, quiet():
        network = read(model, input_scale)
        graph = network.graph
        codes = take_out(graph) if packed_pixels else ()
        golden = golden_images(network.given, model.with_name("golden.npz"))
        if images is not None:
            with arrays(images) as content:
                own = images_in(content, images, spec.image_shape(network.given))
            say_what_moved(network, own, "given")
        elif golden is not None:
            say_what_moved(network, golden, "golden")
        else:
            say_what_moved(network)
        aim = "the highest rate" if target_fps is None else f"{target_fps:g} frames per second"
        say(f"  folding for {aim} on {board}")
        pins = folding_file.pins(folding_config, fixed, graph, where.part) if folding_config else {}
        folding = fold(graph, where, target_fps, pins)
        specialize = Specialize(where.part, units(graph))
        streams = InsertStreams(folding.schedule, folding.fifo_styles)
        graph = graph.transform(streams).transform(specialize)
        (folder / FOLDING).write_text(folding.config)
        say(f"  writing the RTL of {len(graph.graph.node)} kernels")
        stitched = stitch(graph, where, folder)
        if network.as_given:
            shutil.copyfile(model, folder / MODEL)
        else:
            network.specification.save(str(folder / MODEL))
            shutil.copyfile(model, folder / GIVEN)
        graph.save(str(folder / DATAFLOW))
        passages = {now: streams.plan.passages[old] for now, old in specialize.before.items()}
        described = describe_accelerator(
            folder,
            model.stem,
            network.specification,
            network.tail,
            codes,
            graph,
            where,
            target_fps,
            folding,
            passages,
            stitched,
        )
        built = manifest.write(write_shell(described, folder), folder)
        specification = network.specification.transform(InferShapes())
        checked = selfcheck(specification, graph, built, golden)
        say(f"  compared {checked.values} values with the QONNX run: 0 differences")
        write_testbench(folder, checked.images, checked.logits, built)
    set_bitstream_aside(out, built, former)
    return built
