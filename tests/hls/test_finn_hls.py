"""FINN uses the HLS backends: from preferred_impl_style to cppsim and to the input of Vitis HLS."""

from pathlib import Path

import numpy as np
import pytest
from finn.core.onnx_exec import execute_onnx
from finn.transformation.fpgadataflow.compile_cppsim import CompileCppSim
from finn.transformation.fpgadataflow.prepare_cppsim import PrepareCppSim
from finn.transformation.fpgadataflow.prepare_ip import PrepareIP
from finn.transformation.fpgadataflow.set_exec_mode import SetExecMode
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import GiveUniqueNodeNames

from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.errors import UserError
from tests.hls.c_simulation import STAND_INS, finn_settings, vitis_headers
from tests.rtl.designs import DESIGNS
from tests.rtl.harness import CLOCK_NS, PART, random_tensor

CHOSEN = {
    "window": "SlidingWindow_hls",
    "binary accumulators": "BinaryMVAU_hls",
    "pool": "BitMaxPool_hls",
    "join": "ResidualJoin_hls",
}
#: Libraries that FINN links cppsim with, which these kernels don't need.
LIBRARIES = ("hlsmc++-GCC46", "gmp", "mpfr", "Ip_floating_point_v7_1_bitacc_cmodel", "z")


def generic(name: str) -> ModelWrapper:
    """Return a design as it is before FINN chooses backends, with HLS preferred."""
    model = ModelWrapper(DESIGNS[name]().model.model, make_deepcopy=True)
    (node,) = model.graph.node
    node.op_type, node.domain = node.op_type.removesuffix("_rtl"), "finn.custom_op.fpgadataflow"
    of_rtl = ("code_gen_dir_ipgen", "gen_top_module", "ipgen_path", "ip_path")
    kept = [attribute for attribute in node.attribute if attribute.name not in of_rtl]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("preferred_impl_style", "hls")])
    return model


def specialised(name: str) -> ModelWrapper:
    with quiet():
        return generic(name).transform(SpecializeLayers(PART)).transform(GiveUniqueNodeNames())


def vitis(folder: Path) -> Path:
    """Make a stand-in for an installation of Vitis HLS: the open headers and empty libraries."""
    (folder / "include").symlink_to(vitis_headers())
    libraries = folder / "lnx64" / "lib" / "csim"
    libraries.mkdir(parents=True)
    for library in LIBRARIES:
        (libraries / f"lib{library}.a").write_bytes(b"!<arch>\n")
    return folder


@pytest.mark.parametrize("name", CHOSEN)
def test_finn_takes_the_preferred_backend(name):
    (node,) = specialised(name).graph.node
    assert (node.op_type, node.domain) == (CHOSEN[name], "finn.custom_op.fpgadataflow.hls")


@pytest.mark.parametrize("name", ["binary accumulators", "join"])
def test_cppsim_equals_the_model(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XILINX_HLS", str(vitis(tmp_path)))
    monkeypatch.setenv("FINN_CUSTOM_HLS", str(STAND_INS / "include"))
    model = specialised(name)
    (node,) = model.graph.node
    kernel = getCustomOp(node)
    rng = np.random.default_rng(1)
    given = {
        x: random_tensor(
            rng, kernel.get_normal_input_shape(ind), kernel.get_input_datatype(ind).name
        ).astype(np.float32)
        for ind, x in enumerate(node.input[: kernel.streams_in()])
    }
    right = execute_onnx(model, given)
    with quiet(), finn_settings(tmp_path):
        model = model.transform(PrepareCppSim(1)).transform(CompileCppSim(1))
        found = execute_onnx(model.transform(SetExecMode("cppsim")), given)
    assert np.array_equal(found["y0"], right["y0"])


def test_vitis_hls_gets_a_block_and_all_it_includes(tmp_path):
    model = specialised("pool")
    with finn_settings(tmp_path):
        model = model.transform(PrepareIP(PART, CLOCK_NS))
    folder = Path(getCustomOp(model.graph.node[0]).get_nodeattr("code_gen_dir_ipgen"))
    text = (folder / "top_BitMaxPool_hls_0.cpp").read_text()
    assert (
        text[text.index('#include "bit') :]
        == """\
#include "bit_max_pool.hpp"
#include "constants.hpp"

// The block never rests: when these have come, it starts anew.
#ifndef COUNT
#define COUNT 4294967295u
#endif

void BitMaxPool_hls_0(hls::stream<ap_uint<3> > &in0_V, hls::stream<ap_uint<3> > &out0_V)
{
#pragma HLS INTERFACE axis port=in0_V
#pragma HLS INTERFACE axis port=out0_V
#pragma HLS INTERFACE ap_ctrl_none port=return
irnet::bit_max_pool<
    3,  // PE
    2,  // WORDS
    4,  // H_IN
    6,  // W_IN
    2,  // KH
    2   // KW
>(in0_V, out0_V, mask, COUNT);
}
"""
    )
    assert (
        (folder / "constants.hpp").read_text()
        == """\
// Constants of BitMaxPool_hls_0. Generated.

#include <ap_int.h>

static const ap_uint<3> mask[2] = {
    0x2ull,
    0x5ull
};
"""
    )
    assert sorted(
        str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()
    ) == [
        "bit_max_pool.hpp",
        "constants.hpp",
        "counter.hpp",
        "hls_syn_BitMaxPool_hls_0.tcl",
        "top_BitMaxPool_hls_0.cpp",
    ]


def test_words_too_wide_for_vitis_hls_are_refused(tmp_path):
    model = specialised("unfolded binary convolution")
    kernel = getCustomOp(model.graph.node[0])
    for attribute, value in {"MW": 4500, "SIMD": 4500, "MH": 2, "PE": 2}.items():
        kernel.set_nodeattr(attribute, value)
    kernel.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
    with pytest.raises(UserError) as error:
        kernel.code_generation_ipgen(model, PART, CLOCK_NS)
    assert str(error.value) == (
        "BinaryMVAU_hls_0: a number of 9000 bits must have at most 8191 for "
        "preferred_impl_style = hls"
    )
    assert list(tmp_path.iterdir()) == []


def test_tables_of_counts_are_refused(tmp_path):
    model = specialised("binary accumulators")
    kernel = getCustomOp(model.graph.node[0])
    kernel.set_nodeattr("ram_style", "tables")
    kernel.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
    with pytest.raises(UserError) as error:
        kernel.code_generation_ipgen(model, PART, CLOCK_NS)
    assert str(error.value) == (
        "BinaryMVAU_hls_0: ram_style = tables must be auto, distributed or block for "
        "preferred_impl_style = hls"
    )
    assert list(tmp_path.iterdir()) == []
