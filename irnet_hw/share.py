"""Locate the files that are not Python: hardware sources, boards, recipes."""

from importlib.resources import files
from pathlib import Path


def share(folder: str) -> Path:
    """Return the path of a shipped folder.

    Args:
        folder: "hls", "rtl", "boards", "testbench" or "train".

    In an installed wheel the folder lies in ``irnet_hw/share``; in a checkout it is
    the top-level folder of that name.
    """
    package = Path(str(files("irnet_hw")))
    installed = package / "share" / folder
    return installed if installed.is_dir() else package.parent / folder
