"""``irnet-hw build --flow``: from an accelerator's folder to a bitstream, by one of two ways."""

import json
import time
from pathlib import Path, PurePath
from typing import Any

from irnet_hw.bitstream import openxc7, vivado
from irnet_hw.boards import load_board
from irnet_hw.compiler.folder import results
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, whole_folder
from irnet_hw.runtime.package import BITSTREAM, ROUTE
from irnet_hw.simulate.trusted_sources import open_for_tools

#: In an accelerator's folder; it is there only if it is whole.
FOLDER = str(PurePath(BITSTREAM).parent)
#: What the tools said is in the accelerator's folder too, after a failure as well.
LOG = "bitstream.log"


def require(flow: str, board: str) -> None:
    """Refuse a flow that can't be gone through, before an accelerator is built for it.

    Vivado may be missing: its scripts are of use elsewhere.

    Raises:
        UserError: the flow is not for this board, there is no such board, or a tool is missing.
    """
    where = load_board(board)
    if flow == "openxc7":
        openxc7.find_tools(where)


def make_bitstream(folder: Path, flow: str, force: bool = False) -> dict[str, Any]:
    """Make the bitstream of an accelerator; write bitstream/ and bitstream.log into its folder.

    Args:
        folder: the accelerator's.
        flow: "vivado" or "openxc7".
        force: overwrite others' files in bitstream/ and vivado/, and their bitstream.log.

    Returns:
        what bitstream/route.json holds: "kind" ("route"), "identity" of the accelerator, "flow",
        "tool", "part", "target_mhz", "clock_mhz" that is reached and whose delays that is by
        ("clock_from"), LUT, FF, BRAM18 and DSP of the whole design, "bytes" of irnet.bit,
        "seconds".

    Raises:
        UserError: the folder holds no accelerator or one that was changed, a tool is missing or
            fails, or files that irnet-hw did not write are in the way.
    """
    start = time.monotonic()
    with (
        results(folder, [LOG], force, open_for_tools) as content,
        whole_folder(folder / FOLDER, _ours, force) as target,
    ):
        board = load_board(content["board"])
        log = folder / LOG
        log.unlink(missing_ok=True)
        if flow == "vivado":
            vivado.write_project(folder, content, board, force)
            routed = vivado.route(folder, target, log)
        else:
            routed = openxc7.route(folder, content, board, target, log)
        result = {
            "kind": "route",
            "identity": content["shell"]["identity"],
            "flow": flow,
            "part": board.part,
            "target_mhz": content["clock_mhz"],
            **routed.figures(),
            "bytes": (target / Path(BITSTREAM).name).stat().st_size,
            "seconds": time.monotonic() - start,
        }
        (target / Path(ROUTE).name).write_text(json.dumps(result, indent=1) + "\n")
    return result


def _ours(old: Path, _new: Path | None) -> list[str]:
    """Return which files of a folder of a bitstream are ours.

    Raises:
        UserError: none is: somebody may have put a bitstream there that took hours.
    """
    route = Path(ROUTE).name
    if not holds_json(kind="route")(old / route):
        raise UserError(
            f"{old}: holds files, and is no folder that irnet-hw wrote, as it has no {route} of "
            "its kind; move it, or overwrite it with --force"
        )
    return [route, *openxc7.RESULTS, *vivado.RESULTS]


def summary(content: dict[str, Any], result: dict[str, Any]) -> str:
    """Return a line about a bitstream.

    Args:
        content: the accelerator's manifest.
        result: :func:`make_bitstream`'s.
    """
    used = ", ".join(
        f"{result[kind]} of {content['resources'][kind]} {kind}"
        for kind in ("LUT", "FF", "BRAM18", "DSP")
    )
    reached, wanted = result["clock_mhz"], result["target_mhz"]
    clock = f"{reached:.1f} MHz reached of {wanted:g}"
    if reached < wanted:
        clock += f", so that it must not run faster than {reached:.1f}"
    return f"{used}; {clock} (after place and route by {result['tool']})"
