"""irnet-hw: IR-Net binary neural networks, from training to a bit-exact FPGA accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irnet_hw.export.module import export_module as export_module

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import what needs PyTorch when it is first used: a board has none."""
    if name == "export_module":
        from irnet_hw.export.module import export_module

        return export_module
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
