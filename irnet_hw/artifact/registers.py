"""The shell's register map: each register's offset and the meaning of its bits.

Registers have 32 bits; offsets are in bytes. Offsets that are not named here read 0 and ignore
writes; from :data:`END` on, the bus answers with an error. :mod:`irnet_hw.verilog.register_map`
generates the constants in the shell's SystemVerilog from this map.
"""

from enum import IntEnum, IntFlag

#: The value of MAGIC: "IRNT".
MAGIC = 0x49524E54
#: The value of VERSION: the version of this map.
VERSION = 1
#: The first offset beyond the map.
END = 0x080
#: Bytes in IDENTITY_0 to IDENTITY_3 together; the first is in IDENTITY_0's lowest bits.
IDENTITY_BYTES = 16
#: The number of queued batches starts at this bit of STATUS.
QUEUED = 8
#: Source and target addresses are multiples of this many bytes.
ALIGNMENT = 8
#: The memory port moves this many bytes a cycle in each direction.
PORT_BYTES = 8
#: Bytes of each of the accelerator's values in memory.
VALUE_BYTES = 4


class Register(IntEnum):
    """Offsets of the registers. Those up to CAPACITY and IDENTITY are constants."""

    MAGIC = 0x000
    VERSION = 0x004
    CAPACITY = 0x008  #: how many batches can be queued, including the running one
    IDENTITY_0 = 0x010
    IDENTITY_1 = 0x014
    IDENTITY_2 = 0x018
    IDENTITY_3 = 0x01C
    CONTROL = 0x020  #: bits of :class:`Control`; reads 0
    STATUS = 0x024  #: bits of :class:`Status`, and how many batches are queued; read-only
    ERRORS = 0x028  #: bits of :class:`Error`; writing a 1 clears the bit
    INTERRUPT = 0x02C  #: bits of :class:`Interrupt`: what raises the interrupt
    DONE = 0x030  #: bit 0: a batch is complete in memory; writing a 1 clears it
    BATCHES = 0x034  #: batches finished since the last reset; read-only, like all counters
    FRAMES_IN = 0x038  #: frames that entered the accelerator completely since the last reset
    FRAMES_OUT = 0x03C  #: frames that left it since the last reset
    SOURCE_LOW = 0x040  #: address of the next batch's frames, a multiple of ALIGNMENT
    SOURCE_HIGH = 0x044
    TARGET_LOW = 0x048  #: address for the next batch's results, a multiple of ALIGNMENT
    TARGET_HIGH = 0x04C
    FRAMES = 0x050  #: number of frames in the next batch, at least 1
    CYCLES_LOW = 0x060  #: cycles in which the shell was BUSY since the last reset; read this first
    CYCLES_HIGH = 0x064  #: the upper half, latched when CYCLES_LOW was read
    LATENCY = 0x068  #: cycles from first beat in to last beat out, of the first frame after idle
    INTERVAL = 0x06C  #: cycles between the ends of the last two frames that had no idle between


class Control(IntFlag):
    """Bits of CONTROL.

    RESET stops requesting data, waits for transfers in flight and drops them, and resets the
    accelerator, queue, counters, ERRORS and DONE; STATUS has RESETTING until this is done.
    INTERRUPT and the description of the next batch are kept. A write with both bits is a RESET.
    """

    START = 1 << 0  #: queue the batch that SOURCE, TARGET and FRAMES describe
    RESET = 1 << 1


class Status(IntFlag):
    """Bits of STATUS; bits 15 to 8 are the number of queued batches."""

    IDLE = 1 << 0  #: neither BUSY nor RESETTING
    BUSY = 1 << 1  #: a batch is queued
    FULL = 1 << 2  #: no further batch can be queued
    RESETTING = 1 << 3


class Error(IntFlag):
    """Bits of ERRORS.

    After READ_RESPONSE, WRITE_RESPONSE, READ_PROTOCOL or WRITE_PROTOCOL no queued batch finishes
    and no further one starts until a RESET.
    """

    READ_RESPONSE = 1 << 0  #: the memory answered a read with an error
    WRITE_RESPONSE = 1 << 1  #: the memory answered a write with an error
    STREAM = 1 << 2  #: the accelerator withdrew or changed a beat that it had offered
    READ_PROTOCOL = 1 << 3  #: read data was not requested, or a burst ended at the wrong beat
    WRITE_PROTOCOL = 1 << 4  #: an unexpected write response came
    OVERRUN = 1 << 5  #: START while FULL or RESETTING; the batch was refused
    DESCRIPTOR = 1 << 6  #: START with no frames, or an invalid address or length; it was refused


class Interrupt(IntFlag):
    """Bits of INTERRUPT: the line is high while an enabled condition holds."""

    DONE = 1 << 0  #: DONE is set
    ERROR = 1 << 1  #: any bit of ERRORS is set


def queued(status: int) -> int:
    """Return the number of unfinished batches.

    Args:
        status: the value of STATUS.
    """
    return status >> QUEUED & 0xFF
