"""FINN hardware ops for binary networks; importing this registers them with FINN.

Each module holds one op: the FINN op with its exact NumPy model, its cycle and area models,
and its RTL backend, whose SystemVerilog is in the folder of the same name in ``hls/``. Four have
an HLS backend, too, whose C++ lies beside it; FINN takes it where preferred_impl_style is "hls".
"""

import finn.custom_op.fpgadataflow as _generic
import finn.custom_op.fpgadataflow.hls as _hls
import finn.custom_op.fpgadataflow.rtl as _rtl

from irnet_hw.kernels.binary_mvau import BinaryMVAU, BinaryMVAU_hls, BinaryMVAU_rtl
from irnet_hw.kernels.bit_max_pool import BitMaxPool, BitMaxPool_hls, BitMaxPool_rtl
from irnet_hw.kernels.global_sum_pool import GlobalSumPool, GlobalSumPool_rtl
from irnet_hw.kernels.int_mvau import IntMVAU, IntMVAU_rtl
from irnet_hw.kernels.register_slice import RegisterSlice, RegisterSlice_rtl
from irnet_hw.kernels.requantise import Requantise, Requantise_rtl
from irnet_hw.kernels.residual_join import ResidualJoin, ResidualJoin_hls, ResidualJoin_rtl
from irnet_hw.kernels.sliding_window import SlidingWindow, SlidingWindow_hls, SlidingWindow_rtl
from irnet_hw.kernels.stream_fifo import StreamFIFO, StreamFIFO_rtl
from irnet_hw.kernels.stream_fork import StreamFork, StreamFork_rtl
from irnet_hw.kernels.subsample_pad import SubsamplePad, SubsamplePad_rtl
from irnet_hw.kernels.width_converter import WidthConverter, WidthConverter_rtl

for _op in (
    BinaryMVAU,
    BitMaxPool,
    GlobalSumPool,
    IntMVAU,
    RegisterSlice,
    Requantise,
    ResidualJoin,
    SlidingWindow,
    StreamFIFO,
    StreamFork,
    SubsamplePad,
    WidthConverter,
):
    _generic.register_custom_op(_op)
for _op in (
    BinaryMVAU_rtl,
    BitMaxPool_rtl,
    GlobalSumPool_rtl,
    IntMVAU_rtl,
    RegisterSlice_rtl,
    Requantise_rtl,
    ResidualJoin_rtl,
    SlidingWindow_rtl,
    StreamFIFO_rtl,
    StreamFork_rtl,
    SubsamplePad_rtl,
    WidthConverter_rtl,
):
    _rtl.register_custom_op(_op)
for _op in (BinaryMVAU_hls, BitMaxPool_hls, ResidualJoin_hls, SlidingWindow_hls):
    _hls.register_custom_op(_op)

__all__ = [
    "BinaryMVAU",
    "BinaryMVAU_hls",
    "BinaryMVAU_rtl",
    "BitMaxPool",
    "BitMaxPool_hls",
    "BitMaxPool_rtl",
    "GlobalSumPool",
    "GlobalSumPool_rtl",
    "IntMVAU",
    "IntMVAU_rtl",
    "RegisterSlice",
    "RegisterSlice_rtl",
    "Requantise",
    "Requantise_rtl",
    "ResidualJoin",
    "ResidualJoin_hls",
    "ResidualJoin_rtl",
    "SlidingWindow",
    "SlidingWindow_hls",
    "SlidingWindow_rtl",
    "StreamFIFO",
    "StreamFIFO_rtl",
    "StreamFork",
    "StreamFork_rtl",
    "SubsamplePad",
    "SubsamplePad_rtl",
    "WidthConverter",
    "WidthConverter_rtl",
]
