"""The netlist that Yosys makes of an accelerator computes what the QONNX file says."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from irnet_hw.artifact import manifest
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.simulate.cells import models
from irnet_hw.simulate.gates import simulate_gates
from irnet_hw.synthesise import yosys
from tests.networks import TINY, tiny_images

#: Memories of every kind: LUT RAM stays in FIFOs and in the other windows.
FOLDS = {
    "SlidingWindow_rtl_1": {"ram_style": "block"},
    "BinaryMVAU_rtl_0": {"ram_style": "block"},
    "BinaryMVAU_rtl_1": {"ram_style": "tables"},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gates")
    TINY.build().save(str(folder / "network.onnx"))
    (folder / "folds.json").write_text(json.dumps(FOLDS))
    build(folder / "network.onnx", "pynq-z2", folder / "build", 100_000, folder / "folds.json")
    return folder / "build"


@pytest.fixture(scope="module")
def netlist(built):
    """Return the accelerator's netlist, made once for all tests."""
    return yosys.netlist(yosys.whole(built, manifest.load(built)), "xc7")


def test_equals_the_network(built, netlist, monkeypatch):
    assert {"RAMB18E1", "RAM32M", "DSP48E1", "CARRY4"} <= netlist.cells.keys()
    monkeypatch.setattr(yosys, "netlist", lambda *_: netlist)
    result = simulate_gates(built, tiny_images(6))
    assert (result.images, result.logits_compared, result.differences) == (6, 36, 0)
    assert json.loads((built / "gates.json").read_text())["netlist"] == result.netlist


def test_a_wrong_cell_is_found(built, netlist, monkeypatch):
    """A flip-flop of the last layer's outputs that always holds 0 changes logits."""
    stuck = re.sub(r"(\.Q\(out0_V_TDATA\[1\]\))", ".Q()", netlist.verilog)
    assert stuck != netlist.verilog
    monkeypatch.setattr(yosys, "netlist", lambda *_: replace(netlist, verilog=stuck))
    assert simulate_gates(built, tiny_images(6), force=True).differences > 0


def test_cells_without_a_model_are_named():
    with pytest.raises(UserError) as error:
        models({"FDRE", "RAMB18E2", "URAM288"})
    assert str(error.value) == (
        "netlist: no model of RAMB18E2, URAM288 is known; netlists for the 7 series (pynq-z2) can "
        "be simulated"
    )


def test_images_of_another_shape_are_refused(built):
    with pytest.raises(UserError, match=r"must be uint8 of shape \[N, 6, 6, 2\]"):
        simulate_gates(built, np.zeros((1, 5, 6, 2), np.uint8))
