"""``irnet-hw build --flow``: makes an accelerator's bitstream with Vivado or openXC7's tools."""

import time
from pathlib import Path

from irnet_hw.artifact import results
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAM, BITSTREAM_LOG, BITSTREAMS, ROUTE
from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.artifact.results import Route
from irnet_hw.bitstream import openxc7, vivado
from irnet_hw.boards import load_board
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, whole_folder
from irnet_hw.held import held
from irnet_hw.verilog.trusted import open_for_tools


def require(flow: str, board: str, seeds: int | None) -> None:
    """Refuse a flow that can't be run, before an accelerator is built for it.

    Vivado may be missing: its scripts can be used on another machine.

    Raises:
        UserError: the flow is not for this board, the board is unknown, a tool is missing, or the
            flow does not try this number of seeds.
    """
    where = load_board(board)
    if seeds is not None and flow != "openxc7":
        raise UserError(f"--seeds: is for --flow openxc7, not {flow}, which has no seeds")
    if seeds is not None and seeds < 1:
        raise UserError(f"--seeds: {seeds}, must be at least 1")
    if flow == "openxc7":
        openxc7.find_tools(where)


def make_bitstream(folder: Path, flow: str, force: bool = False, seeds: int = 1) -> Route:
    """Make the bitstream of an accelerator; write bitstream/ and bitstream.log into its folder.

    Args:
        folder: the accelerator's.
        flow: "vivado" or "openxc7".
        force: overwrite files in bitstream/ and vivado/, and a bitstream.log, that irnet-hw did
            not write.
        seeds: for "openxc7": how many seeds to place and route with; the best is taken.

    Returns:
        the contents of bitstream/route.json.

    Raises:
        UserError: the folder contains no accelerator or one that was changed, a tool is missing or
            fails, or files that irnet-hw did not write are in the way.
    """
    start = time.monotonic()
    with (
        held(folder, [BITSTREAM_LOG], force, open_for_tools) as manifest,
        whole_folder(folder / BITSTREAMS, _ours, force) as target,
    ):
        board = load_board(manifest.board)
        log = folder / BITSTREAM_LOG
        log.unlink(missing_ok=True)
        if flow == "vivado":
            vivado.write_project(folder, manifest, board, force)
            routed = vivado.route(folder, target, log)
        else:
            routed = openxc7.route(folder, manifest, board, target, log, seeds)
        result = Route(
            kind="route",
            identity=manifest.shell.identity,
            flow=flow,
            part=board.part,
            target_mhz=manifest.clock_mhz,
            LUT=routed.area.LUT,
            half_luts=routed.half_luts,
            FF=routed.area.FF,
            BRAM18=routed.area.BRAM18,
            DSP=routed.area.DSP,
            tool=routed.tool,
            clock_mhz=routed.clock_mhz,
            seeds=routed.seeds,
            clock_from=routed.clock_from,
            bytes=(target / Path(BITSTREAM).name).stat().st_size,
            seconds=time.monotonic() - start,
        )
        (target / Path(ROUTE).name).write_text(results.text(result))
    return result


def _ours(old: Path, _new: Path | None) -> list[str]:
    """Return which files in a bitstream folder are ours.

    Raises:
        UserError: none: somebody may have put a bitstream there that took hours to make.
    """
    route = Path(ROUTE).name
    if not holds_json(kind="route")(old / route):
        raise UserError(
            f"{old}: contains files, but no {route} from irnet-hw; move it, or overwrite it with "
            "--force"
        )
    return [route, *openxc7.RESULTS, *vivado.RESULTS]


def summary(manifest: Manifest, result: Route) -> str:
    """Return a line about a bitstream.

    Args:
        manifest: the accelerator's.
        result: :func:`make_bitstream`'s.
    """
    used = ", ".join(
        f"{result.area[kind]} of {manifest.resources[kind]} {kind}" for kind in RESOURCES
    )
    if result.half_luts is not None:
        used += f" ({result.half_luts} of {2 * manifest.resources['LUT']} half LUTs)"
    reached, wanted = result.clock_mhz, result.target_mhz
    clock = f"{reached:.1f} MHz of {wanted:g} reached"
    if reached < wanted:
        clock += f", so it must not run faster than {reached:.1f} MHz"
    return f"{used}; {clock} (after place and route by {result.tool})"
