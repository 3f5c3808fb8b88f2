"""``irnet-hw build --flow``: from an accelerator's folder to a bitstream, by one of two ways."""

import json
import time
from pathlib import Path, PurePath
from typing import Any

from irnet_hw.bitstream import openxc7, vivado
from irnet_hw.boards import load_board
from irnet_hw.files import whole_folder
from irnet_hw.runtime.package import BITSTREAM, ROUTE
from irnet_hw.tools.build_folder import open_for_tools

_FLOWS = {"vivado": vivado.route, "openxc7": openxc7.route}
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


def make_bitstream(folder: Path, flow: str) -> dict[str, Any]:
    """Make the bitstream of an accelerator; write bitstream/ and bitstream.log into its folder.

    Args:
        folder: the accelerator's.
        flow: "vivado" or "openxc7".

    Returns:
        what bitstream/route.json holds: "kind" ("route"), "flow", "tool", "part", "target_mhz",
        "clock_mhz" that is reached and whose delays that is by ("clock_from"), LUT, FF, BRAM18 and
        DSP of the whole design, "bytes" of irnet.bit, "seconds".

    Raises:
        UserError: the folder holds no accelerator or one that was changed, a tool is missing or
            fails.
    """
    content = open_for_tools(folder)
    board = load_board(content["board"])
    log = folder / LOG
    log.unlink(missing_ok=True)
    start = time.monotonic()
    with whole_folder(folder / FOLDER) as target:
        routed = _FLOWS[flow](folder, content, board, target, log)
        result = {
            "kind": "route",
            "flow": flow,
            "part": board.part,
            "target_mhz": content["clock_mhz"],
            **routed.figures(),
            "bytes": (target / Path(BITSTREAM).name).stat().st_size,
            "seconds": time.monotonic() - start,
        }
        (target / Path(ROUTE).name).write_text(json.dumps(result, indent=1) + "\n")
    return result


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
