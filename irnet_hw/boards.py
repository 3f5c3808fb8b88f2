"""The supported boards, each described by boards/NAME/board.toml."""

from collections.abc import Mapping
from dataclasses import dataclass

from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.errors import UserError
from irnet_hw.share import share
from irnet_hw.toml import toml_file

#: Keys of board.toml and their types.
_KEYS: Mapping[str, type] = {
    "title": str,
    "part": str,
    "family": str,
    "clock_mhz": float,
    "vivado_board": str,
    "address_bits": int,
    "register_base": int,
    "resources": dict,
    "reserve": dict,
}
#: Clocks in MHz that may be asked for.
_CLOCKS = (1, 500)
#: Address widths of AXI4 ports on Zynq devices.
_ADDRESS_BITS = range(32, 50)


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes:
        name: name of its folder, as used on the command line ("pynq-z2").
        title: the maker's spelling ("PYNQ-Z2").
        part: AMD's full part name.
        family: Yosys' name of the part's family ("xc7", "xcup").
        clock_mhz: the fabric's clock.
        vivado_board: Vivado's board files, with wildcards ("xilinx.com:zcu104:part0:*"); "" if the
            project needs none.
        address_bits: address width of the processor port that connects the fabric to memory.
        register_base: address of the shell's registers, as the processor sees it.
        resources: the part's resources: LUT, FF, BRAM18 (blocks of 18 Kib), DSP, on some URAM.
        reserve: the share of some resources that an accelerator leaves free, from 0 to 1: for the
            shell that moves its frames, and to make routing easier.
    """

    name: str
    title: str
    part: str
    family: str
    clock_mhz: float
    vivado_board: str
    address_bits: int
    register_base: int
    resources: Mapping[str, int]
    reserve: Mapping[str, float]

    @property
    def usable(self) -> dict[str, int]:
        """How much of each resource an accelerator may use."""
        return {
            key: int(count * (1 - self.reserve.get(key, 0.0)))
            for key, count in self.resources.items()
        }


def known_boards() -> list[str]:
    """Return the names of all boards."""
    return sorted(path.parent.name for path in share("boards").glob("*/board.toml"))


def load_board(name: str, clock_mhz: float | None = None) -> Board:
    """Return a board by name.

    Args:
        name: of its folder.
        clock_mhz: of the fabric, 1 to 500; None: the board's own.

    Raises:
        UserError: the board is unknown, its board.toml is wrong, or the clock is out of range.
    """
    if clock_mhz is not None and not _CLOCKS[0] <= clock_mhz <= _CLOCKS[1]:
        raise UserError(f"clock: {clock_mhz:g} MHz, must be from {_CLOCKS[0]} to {_CLOCKS[1]} MHz")
    if name not in known_boards():
        raise UserError(f"board: {name}, must be one of {', '.join(known_boards())}")
    path = share("boards") / name / "board.toml"
    content = toml_file(path)
    for key, kind in _KEYS.items():
        if not isinstance(content.get(key), kind):
            raise UserError(f"{path}: {key} = {content.get(key)!r}, must be a {kind.__name__}")
    for key in content.keys() - _KEYS.keys():
        raise UserError(f"{path}: {key} is unknown, must be one of {', '.join(_KEYS)}")
    if content["address_bits"] not in _ADDRESS_BITS:
        raise UserError(
            f"{path}: address_bits = {content['address_bits']}, "
            f"must be from {_ADDRESS_BITS[0]} to {_ADDRESS_BITS[-1]}"
        )
    base = content["register_base"]
    if base < 0 or base % 4096:
        raise UserError(f"{path}: register_base = {base:#x}, must be a multiple of 4096")
    for key in RESOURCES:  # some boards have more (URAM)
        if key not in content["resources"]:
            raise UserError(f"{path}: resources must state {key}")
    for key, value in content["resources"].items():
        if type(value) is not int or value < 0:
            raise UserError(f"{path}: resources.{key} = {value!r}, must be a number of units")
    for key, value in content["reserve"].items():
        if key not in content["resources"]:
            raise UserError(f"{path}: reserve.{key} names a resource that the board lacks")
        if type(value) is not float or not 0 <= value < 1:
            raise UserError(f"{path}: reserve.{key} = {value!r}, must be 0.0 to below 1.0")
    if clock_mhz is not None:
        content["clock_mhz"] = clock_mhz
    return Board(name=name, **content)
