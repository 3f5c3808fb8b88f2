"""The compile station: QONNX to a folded, stitched accelerator; one pass a file.

FINN takes seconds to import, so it is imported when something is built, not before.
"""

from pathlib import Path
from typing import Any

from irnet_hw.compiler.cli import command

__all__ = ["build", "command"]


def build(
    model: Path,
    board: str,
    out: Path,
    target_fps: float | None,
    folding_config: Path | None = None,
) -> dict[str, Any]:
    """Compile a network into an accelerator's folder; see :mod:`irnet_hw.compiler.pipeline`."""
    from irnet_hw.compiler import pipeline

    return pipeline.build(model, board, out, target_fps, folding_config)
