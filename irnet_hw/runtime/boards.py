"""What the driver must know about each board. It is not in the manifest, which anybody can write.

The registers' addresses and bits are from UG585 (Zynq-7000, "AXI_HP Interface (AFI)") and UG1087
(Zynq UltraScale+, AFIFM and FPD_SLCR).
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from irnet_hw.errors import UserError


class Setting(NamedTuple):
    """Bits in a register of the processor that the shell needs, whatever overlay was loaded before.

    Attributes:
        what: what they set.
        address: the register's address.
        mask: which bits.
        value: the value that they must have.
    """

    what: str
    address: int
    mask: int
    value: int


class Board(NamedTuple):
    """A board with a PYNQ image.

    Attributes:
        title: the board's name as its maker writes it.
        first: the first version of PYNQ that the driver supports on it.
        last: the last version of PYNQ that supports the board; None: there will be more.
        fabric: addresses at which the processor reaches the shell.
        settings: settings that PYNQ does not make, or makes only with a .hwh file.
    """

    title: str
    first: tuple[int, ...]
    last: tuple[int, ...] | None
    fabric: range
    settings: Sequence[Setting]

    def versions(self) -> str:
        """Return in words which versions of PYNQ work on the board."""
        first = f"PYNQ {_dotted(self.first)}"
        return f"{first} to {_dotted(self.last)}" if self.last else f"{first} or later"

    def require_version(self, found: str) -> None:
        """Raise a UserError if a version of PYNQ does not work on this board."""
        numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
        if numbers and (numbers < self.first or (self.last and numbers > self.last)):
            raise UserError(
                f"pynq: version {found}, but the {self.title} needs {self.versions()}; write "
                "such an image to the board's SD card"
            )


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


#: Of every Zynq UltraScale+.
_ULTRASCALE = (
    # 0 is 128 bits, 1 is 64, 2 is 32.
    Setting("S_AXI_HP0_FPD reads 64 bits", 0xFD38_0000, 0x3, 0x1),
    Setting("S_AXI_HP0_FPD writes 64 bits", 0xFD38_0014, 0x3, 0x1),
    # 0 is 32 bits, 1 is 64, 2 is 128.
    Setting("M_AXI_HPM0_FPD has 32 bits", 0xFD61_5000, 0x300, 0x000),
)
_HPM0 = range(0xA000_0000, 0xB000_0000)  # through M_AXI_HPM0_FPD

BOARDS = {
    "aup-zu3": Board("AUP-ZU3", (3, 1), None, _HPM0, _ULTRASCALE),
    "kv260": Board("KV260", (3, 0), None, _HPM0, _ULTRASCALE),
    "pynq-z2": Board(
        title="PYNQ-Z2",
        first=(2, 7),
        last=(3, 1, 2),  # PYNQ 4.0 dropped boards with a Zynq-7000
        fabric=range(0x4000_0000, 0x8000_0000),  # through M_AXI_GP0
        settings=(
            # 1 would make them 32 bits wide.
            Setting("S_AXI_HP0 reads 64 bits", 0xF800_8000, 0x1, 0x0),
            Setting("S_AXI_HP0 writes 64 bits", 0xF800_8014, 0x1, 0x0),
        ),
    ),
    "zcu104": Board("ZCU104", (2, 7), None, _HPM0, _ULTRASCALE),
}


def board(name: str) -> Board:
    """Return what the driver knows about a board.

    Raises:
        UserError: the board is unknown.
    """
    if name not in BOARDS:
        raise UserError(f"board: {name}, must be one of {', '.join(BOARDS)}")
    return BOARDS[name]
