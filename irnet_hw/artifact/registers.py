"""The shell's register map: where each register lies and what its bits mean.

Registers have 32 bits; offsets are in bytes. What is not named here reads 0, and writing it does
nothing; from :data:`END` on, the bus answers with an error. The constants of the shell's
SystemVerilog are made of it by :mod:`irnet_hw.verilog.register_map`.
"""

from enum import IntEnum, IntFlag

#: What MAGIC reads: "IRNT".
MAGIC = 0x49524E54
#: What VERSION reads: of this map.
VERSION = 1
#: The first offset beyond the map.
END = 0x080
#: Bytes of IDENTITY_0 to IDENTITY_3 together, the first one in IDENTITY_0's lowest bits.
IDENTITY_BYTES = 16
#: In STATUS, the number of batches queued begins at this bit.
QUEUED = 8
#: Source and target are multiples of so many bytes.
ALIGNMENT = 8


class Register(IntEnum):
    """Offsets of the registers. Those up to CAPACITY and IDENTITY are constants."""

    MAGIC = 0x000
    VERSION = 0x004
    CAPACITY = 0x008  #: batches that can be queued, the running one included
    IDENTITY_0 = 0x010
    IDENTITY_1 = 0x014
    IDENTITY_2 = 0x018
    IDENTITY_3 = 0x01C
    CONTROL = 0x020  #: bits of :class:`Control`; reads 0
    STATUS = 0x024  #: bits of :class:`Status`, and how many batches are queued; read-only
    ERRORS = 0x028  #: bits of :class:`Error`; writing a 1 clears the bit
    INTERRUPT = 0x02C  #: bits of :class:`Interrupt`: what raises the interrupt
    DONE = 0x030  #: bit 0: a batch is complete in memory; writing a 1 clears it
    BATCHES = 0x034  #: finished since the last reset; read-only, as all counters
    FRAMES_IN = 0x038  #: that entered the accelerator whole since the last reset
    FRAMES_OUT = 0x03C  #: that left it since the last reset
    SOURCE_LOW = 0x040  #: address of the next batch's frames, a multiple of ALIGNMENT
    SOURCE_HIGH = 0x044
    TARGET_LOW = 0x048  #: address for its values, a multiple of ALIGNMENT
    TARGET_HIGH = 0x04C
    FRAMES = 0x050  #: of the next batch, at least 1
    CYCLES_LOW = 0x060  #: in which the shell was BUSY since the last reset; read before the next
    CYCLES_HIGH = 0x064  #: the upper half, of when CYCLES_LOW was last read
    LATENCY = 0x068  #: cycles from first beat in to last out, of the first frame after idle
    INTERVAL = 0x06C  #: cycles between the ends of the newest two frames with no idle between


class Control(IntFlag):
    """Bits of CONTROL.

    RESET stops asking for data, lets what is under way on the bus end, drops it, and resets
    accelerator, queue, counters, ERRORS and DONE; STATUS has RESETTING until it is over. INTERRUPT
    and the description of the next batch stay. A write with both bits is a RESET.
    """

    START = 1 << 0  #: queue the batch that SOURCE, TARGET and FRAMES describe
    RESET = 1 << 1


class Status(IntFlag):
    """Bits of STATUS; bits 15 to 8 say how many batches are queued."""

    IDLE = 1 << 0  #: neither BUSY nor RESETTING
    BUSY = 1 << 1  #: a batch is queued
    FULL = 1 << 2  #: as many as can be
    RESETTING = 1 << 3


class Error(IntFlag):
    """Bits of ERRORS.

    After READ_RESPONSE to WRITE_PROTOCOL, STREAM excepted, no batch queued is finished, and no
    further one starts, until a RESET.
    """

    READ_RESPONSE = 1 << 0  #: the memory answered a read with an error
    WRITE_RESPONSE = 1 << 1  #: the memory answered a write with an error
    STREAM = 1 << 2  #: the accelerator took back or changed a beat that it offered
    READ_PROTOCOL = 1 << 3  #: data came that nobody asked for, or ended a burst at a wrong beat
    WRITE_PROTOCOL = 1 << 4  #: a response came that nobody waits for
    OVERRUN = 1 << 5  #: START while FULL or RESETTING: the batch was refused
    DESCRIPTOR = 1 << 6  #: START of no frames, or of an address or length that can't be: refused


class Interrupt(IntFlag):
    """Bits of INTERRUPT: the line is high as long as what is enabled holds."""

    DONE = 1 << 0  #: DONE is set
    ERROR = 1 << 1  #: any bit of ERRORS is set


def queued(status: int) -> int:
    """Return the number of batches not finished.

    Args:
        status: what STATUS reads.
    """
    return status >> QUEUED & 0xFF
