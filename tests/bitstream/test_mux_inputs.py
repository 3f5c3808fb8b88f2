"""LUTs at the data inputs of MUXF7."""

from collections import Counter

from irnet_hw.bitstream.mux_inputs import separate


def cell(kind, **connections):
    return {"type": kind, "connections": {pin: [bit] for pin, bit in connections.items()}}


def test_each_lut_drives_one_data_input_of_one_mux():
    shared, other, line = 2, 3, 4
    module = {
        "cells": {
            "shared": cell("LUT6", I0=line, O=shared),
            "other": cell("LUT6", I0=line, O=other),
            "both": cell("MUXF7", I0=shared, I1=shared, S=line, O=5),
            "next": cell("MUXF7", I0=other, I1=shared, S=line, O=6),
            "constant": cell("MUXF7", I0="0", I1="0", S=other, O=7),
            "wide": cell("MUXF8", I0=5, I1=6, S=shared, O=8),
        }
    }
    before = {name: dict(one["connections"]) for name, one in module["cells"].items()}
    assert separate(module) == 2
    cells = module["cells"]
    pins = Counter(
        one["connections"][pin][0]
        for one in cells.values()
        for pin in ("I0", "I1")
        if one["type"] == "MUXF7"
    )
    assert {bit: uses for bit, uses in pins.items() if uses > 1} == {"0": 2}
    # Through the LUTs that were added, each input has the signal that it had.
    added = {name: one for name, one in cells.items() if name not in before}
    assert all(
        one["type"] == "LUT1" and one["parameters"]["INIT"] == "10" for one in added.values()
    )
    source = {one["connections"]["O"][0]: one["connections"]["I0"] for one in added.values()}
    assert source.keys().isdisjoint({shared, other, line, 5, 6, 7, 8})
    for name, connections in before.items():
        now = cells[name]["connections"]
        assert {pin: source.get(bits[0], bits) for pin, bits in now.items()} == connections
    assert separate(module) == 0
