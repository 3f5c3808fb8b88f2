"""Export of trained networks: checkpoint to QONNX, with metadata and golden vectors."""

from typing import TYPE_CHECKING, Any

from irnet_hw.export.cli import command

if TYPE_CHECKING:
    from irnet_hw.export.station import Exported, export

__all__ = ["Exported", "command", "export"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, which the command line's --help should not.
    if name in __all__:
        from irnet_hw.export import station

        return getattr(station, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
