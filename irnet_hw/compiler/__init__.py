"""The compile station: QONNX to a folded, stitched accelerator; one pass a file.

FINN takes seconds to import, so it is imported when something is built, not before.
"""

from math import inf
from pathlib import Path
from typing import Any

from irnet_hw.compiler.cli import command
from irnet_hw.errors import UserError

__all__ = ["build", "command"]


def build(
    model: Path,
    board: str,
    out: Path,
    target_fps: float | None,
    folding_config: Path | None = None,
) -> dict[str, Any]:
    """Compile a network into an accelerator's folder; see :mod:`irnet_hw.compiler.pipeline`.

    Raises:
        UserError: the rate is none, or what the pipeline says.
    """
    if target_fps is not None and not 0 < target_fps < inf:
        raise UserError(f"target-fps: {target_fps:g}, must be a number above 0")
    from irnet_hw.compiler import pipeline

    return pipeline.build(model, board, out, target_fps, folding_config)
