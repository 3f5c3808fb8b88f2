"""AXI3 channels for cocotbext-axi, which has only AXI4: shorter bursts, and always with IDs."""

from cocotbext.axi.stream import define_stream

#: Types of bursts, and responses.
FIXED, INCR, WRAP = range(3)
OKAY, SLVERR, DECERR = 0, 2, 3


def channel(name, *signals):
    """Return the bus, source and sink of an AXI3 channel."""
    names = [f"{name}{signal}" for signal in (*signals, "valid", "ready")]
    bus, _, source, sink, _ = define_stream(f"Axi3{name}", signals=names)
    return bus, source, sink


ADDRESS = ("id", "addr", "len", "size", "burst")
AW, W = channel("aw", *ADDRESS), channel("w", "data", "strb", "last")
B = channel("b", "id", "resp")
AR, R = channel("ar", *ADDRESS), channel("r", "id", "data", "resp", "last")
