"""Small designs of each kernel with a few sets of parameters, for lint and synthesis."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from qonnx.core.datatype import DataType

from tests.rtl.harness import CLOCK_NS, KernelUnderTest, random_tensor


def _stream(datatype: str) -> dict[str, object]:
    return {"inputDataType": datatype, "outputDataType": datatype}


def _window(**changes: object) -> KernelUnderTest:
    same = {
        "ConvKernelDim": [3, 3],
        "Stride": [1, 1],
        "Padding": [1, 1, 1, 1],
        "PadValue": -1,
        "IFMDim": [4, 5],
        "OFMDim": [4, 5],
        "IFMChannels": 4,
        "SIMD": 2,
        **_stream("BIPOLAR"),
    }
    return KernelUnderTest("SlidingWindow", {**same, **changes})


def _pool(image: list[int], window: list[int], channels: int, pe: int) -> KernelUnderTest:
    attributes = {
        "IFMDim": image,
        "PoolDim": window,
        "IFMChannels": channels,
        "PE": pe,
        **_stream("BIPOLAR"),
    }
    mask = np.arange(channels) % 2
    return KernelUnderTest("BitMaxPool", attributes, {"mask": (mask, "BINARY")})


def _window_pool(mode: str, simd: int, window: list[int], *types: str) -> KernelUnderTest:
    """Return a pool of windows of 16 channels."""
    attributes = {
        "PoolDim": window,
        "OFMDim": [3, 4],
        "NumChannels": 16,
        "SIMD": simd,
        "inputDataType": types[0],
        "outputDataType": types[-1],
        "mode": mode,
    }
    mask = np.random.default_rng(0).integers(0, 2, 16)
    return KernelUnderTest(
        "WindowPool", attributes, {"mask": (mask, "BINARY")} if mode == "max" else {}
    )


def _fifo(depth: int, lanes: int = 8, ram_style: str = "auto") -> KernelUnderTest:
    attributes = {"shape": [1, 4, 4, lanes], "lanes": lanes, "depth": depth, **_stream("INT4")}
    return KernelUnderTest("StreamFIFO", {**attributes, "ram_style": ram_style})


def _converter(lanes_in: int, lanes_out: int) -> KernelUnderTest:
    attributes = {
        "inShape": [1, 2, 12],
        "outShape": [1, 24],
        "inLanes": lanes_in,
        "outLanes": lanes_out,
        **_stream("UINT8"),
    }
    return KernelUnderTest("WidthConverter", attributes)


def _matrix(op: str, simd: int, pe: int, **changes: object) -> KernelUnderTest:
    """Return a 3x3 convolution of a 3 x 4 image, 2 to 4 channels, modified by ``changes``."""
    attributes: dict[str, object] = {
        "MW": 18,
        "MH": 4,
        "SIMD": simd,
        "PE": pe,
        "numInputVectors": [1, 3, 4],
        "noActivation": 0,
        "inputDataType": "BIPOLAR",
        "outputDataType": "BIPOLAR",
        **changes,
    }
    rng = np.random.default_rng(0)
    weights = str(attributes.get("weightDataType", "BIPOLAR"))
    W = random_tensor(rng, (attributes["MW"], attributes["MH"]), weights)
    if "narrowWeights" in attributes:
        W = np.maximum(W, -W.max())
    parameters = {"W": (W, weights)}
    if attributes["noActivation"] == 0:
        parameters["T"] = (rng.integers(-5, 6, attributes["MH"]), "INT32")
    elif op == "IntMVAU":
        parameters["B"] = (rng.integers(-5, 6, attributes["MH"]), "INT32")
    return KernelUnderTest(op, attributes, parameters)


_BORDER = {
    "ConvKernelDim": [3, 3],
    "Stride": [1, 1],
    "Padding": [1, 1, 1, 1],
    "IFMDim": [3, 4],
}
_PIXELS = {"weightDataType": "INT8", "inputDataType": "UINT8", "InputZeroPoint": 128}


def _small(inputs: str, weights: str, **changes: object) -> KernelUnderTest:
    return _matrix("IntMVAU", 6, 2, inputDataType=inputs, weightDataType=weights, **changes)


def _fork(signs: list[int], datatype: str = "INT8") -> KernelUnderTest:
    attributes = {"shape": [1, 2, 12], "lanes": 4, "signs": signs, **_stream(datatype)}
    return KernelUnderTest("StreamFork", attributes)


def _shortcut(**changes: object) -> KernelUnderTest:
    same = {
        "IFMDim": [5, 6],
        "IFMChannels": 8,
        "Stride": [2, 2],
        "PadChannels": [4, 4],
        "PE": 2,
        **_stream("INT8"),
    }
    return KernelUnderTest("SubsamplePad", {**same, **changes})


def _global_pool(
    image: list[int], channels: int, pe: int, output: str, datatype: str = "INT8"
) -> KernelUnderTest:
    attributes = {
        "IFMDim": image,
        "NumChannels": channels,
        "PE": pe,
        "inputDataType": datatype,
        "outputDataType": output,
    }
    return KernelUnderTest("GlobalSumPool", attributes)


def dyadic(
    op: str, channels: int, pe: int, style: str, datatype: str = "INT11", **changes: object
) -> KernelUnderTest:
    """Return a Requantise or a ResidualJoin with random constants."""
    attributes: dict[str, object] = {
        "NumChannels": channels,
        "numInputVectors": [1, 2, 3],
        "PE": pe,
        "shift": 9,
        "mBits": 10,
        "bBits": 18,
        "mulStyle": style,
        "inputDataType": datatype,
        "outputDataType": "INT8",
        **changes,
    }
    rng = np.random.default_rng(0)
    types = {name: f"INT{attributes[f'{name}Bits']}" for name in ("m", "b")}
    parameters = {
        name: (random_tensor(rng, (channels,), kind), kind) for name, kind in types.items()
    }
    return KernelUnderTest(op, attributes, parameters)


def _join(channels: int, pe: int, style: str, **changes: object) -> KernelUnderTest:
    return dyadic(
        "ResidualJoin", channels, pe, style, **{"skipDataType": "INT8", "skipShift": 2, **changes}
    )


def _sum(channels: int, pe: int, types: tuple[str, str, str], *shifts: int) -> KernelUnderTest:
    attributes = {
        "NumChannels": channels,
        "numInputVectors": [1, 2, 3],
        "PE": pe,
        "inputDataType": types[0],
        "secondDataType": types[1],
        "outputDataType": types[2],
        "shiftA": shifts[0],
        "shiftB": shifts[1],
    }
    return KernelUnderTest("AddStreams", attributes)


def _concat(channels: list[int], pe: int, datatype: str) -> KernelUnderTest:
    attributes = {
        "ChannelsPerStream": channels,
        "numInputVectors": [1, 2, 3],
        "PE": pe,
        **_stream(datatype),
    }
    return KernelUnderTest("ConcatStreams", attributes)


def _thresholds(
    channels: int, pe: int, steps: int, before: str, after: str, **changes: object
) -> KernelUnderTest:
    attributes = {
        "NumChannels": channels,
        "numInputVectors": [1, 2, 3],
        "PE": pe,
        "numSteps": steps,
        "inputDataType": before,
        "outputDataType": after,
        **changes,
    }
    rng = np.random.default_rng(0)
    T = np.sort(random_tensor(rng, (channels, steps), before))
    mask = np.arange(channels) % 2
    return KernelUnderTest("Thresholds", attributes, {"T": (T, before), "mask": (mask, "BINARY")})


def _lookup(channels: int, pe: int, tables: int, before: str, after: str) -> KernelUnderTest:
    attributes = {
        "NumChannels": channels,
        "numInputVectors": [1, 2, 3],
        "PE": pe,
        "numTables": tables,
        "inputDataType": before,
        "outputDataType": after,
    }
    entries = 1 << DataType[before].bitwidth()
    table = random_tensor(np.random.default_rng(0), (tables, entries), after)
    return KernelUnderTest("LookupTable", attributes, {"table": (table, after)})


STREAMING: Mapping[str, Callable[[], KernelUnderTest]] = {
    "window": _window,
    "window in block RAM": lambda: _window(ram_style="block"),
    "window without padding": lambda: _window(
        Padding=[0, 0, 0, 0], OFMDim=[2, 3], PadValue=3, **_stream("UINT8")
    ),
    "window of one pixel": lambda: _window(
        ConvKernelDim=[1, 1], Padding=[0, 0, 0, 0], IFMDim=[1, 1], OFMDim=[1, 1], SIMD=4
    ),
    "window with stride": lambda: _window(
        ConvKernelDim=[2, 3], Stride=[3, 2], Padding=[2, 0, 1, 2], IFMDim=[7, 6], OFMDim=[3, 3]
    ),
    "window of wide integers": lambda: _window(PadValue=-(2**31), SIMD=1, **_stream("INT32")),
    "window in parallel": lambda: _window(parallel_window=1),
    "window in parallel from block RAM": lambda: _window(parallel_window=1, ram_style="block"),
    "window in parallel without padding": lambda: _window(
        parallel_window=1,
        SIMD=4,
        Padding=[0, 0, 0, 0],
        OFMDim=[2, 3],
        PadValue=3,
        **_stream("UINT8"),
    ),
    "window in parallel with stride": lambda: _window(
        parallel_window=1,
        ConvKernelDim=[2, 3],
        Stride=[3, 2],
        Padding=[2, 0, 1, 2],
        IFMDim=[7, 6],
        OFMDim=[3, 3],
    ),
    "window in parallel of one column": lambda: _window(
        parallel_window=1,
        ConvKernelDim=[2, 1],
        Padding=[0, 0, 0, 0],
        IFMDim=[2, 1],
        OFMDim=[1, 1],
        SIMD=4,
    ),
    "window in parallel of one row": lambda: _window(
        parallel_window=1,
        ConvKernelDim=[1, 2],
        Padding=[0, 3, 0, 0],
        IFMDim=[2, 1],
        OFMDim=[2, 3],
        SIMD=1,
    ),
    "pool": lambda: _pool([4, 6], [2, 2], 6, 3),
    "pool of odd sizes": lambda: _pool([5, 7], [3, 2], 3, 3),
    "pool of one window": lambda: _pool([2, 2], [2, 2], 1, 1),
    "pool of single pixels": lambda: _pool([2, 3], [1, 1], 2, 1),
    "window pool of signs": lambda: _window_pool("max", 4, [3, 3], "BIPOLAR"),
    "window pool of integers": lambda: _window_pool("max", 2, [2, 3], "INT6"),
    "window pool of whole pixels": lambda: _window_pool("max", 16, [3, 3], "UINT4"),
    "window pool of single pixels": lambda: _window_pool("max", 4, [1, 1], "UINT2"),
    "sums of windows of signs": lambda: _window_pool("sum", 4, [3, 3], "BIPOLAR", "INT5"),
    "sums of windows of integers": lambda: _window_pool("sum", 2, [2, 2], "INT8", "INT10"),
    "sums of windows of counts": lambda: _window_pool("sum", 16, [2, 2], "UINT4", "UINT6"),
    "short fifo": lambda: _fifo(2),
    "fifo": lambda: _fifo(20),
    "deep fifo": lambda: _fifo(1500),
    "short fifo in block RAM": lambda: _fifo(2, 9, "block"),
    "wide fifo in block RAM": lambda: _fifo(64, 19, "block"),
    "deep fifo in LUT-RAM": lambda: _fifo(512, 8, "distributed"),
    "wires": lambda: _converter(3, 3),
    "narrow to wide": lambda: _converter(2, 6),
    "wide to narrow": lambda: _converter(12, 3),
    "any to any": lambda: _converter(4, 6),
    "register slice": lambda: KernelUnderTest(
        "RegisterSlice", {"shape": [1, 2, 6], "lanes": 3, **_stream("INT3")}
    ),
}

CHANNELWISE: Mapping[str, Callable[[], KernelUnderTest]] = {
    "signs": lambda: _thresholds(64, 8, 1, "INT12", "BIPOLAR", outBias=-1, outScale=2),
    "signs of one beat": lambda: _thresholds(16, 16, 1, "INT12", "BIPOLAR", outBias=-1, outScale=2),
    "two thresholds": lambda: _thresholds(12, 4, 2, "UINT8", "INT8", outBias=-100, outScale=100),
    "15 thresholds": lambda: _thresholds(32, 4, 15, "INT16", "UINT4"),
    "15 thresholds of one beat": lambda: _thresholds(4, 4, 15, "INT16", "INT4", outBias=-8),
    "63 thresholds": lambda: _thresholds(2, 2, 63, "INT16", "UINT6"),
    "look-up": lambda: _lookup(8, 2, 8, "INT4", "INT8"),
    "look-up of one beat": lambda: _lookup(3, 3, 3, "UINT8", "UINT12"),
    "look-up of signs": lambda: _lookup(32, 8, 32, "BIPOLAR", "INT8"),
    "look-up in a shared table": lambda: _lookup(12, 4, 1, "INT6", "BIPOLAR"),
}

RESIDUAL: Mapping[str, Callable[[], KernelUnderTest]] = {
    "fork of values and signs": lambda: _fork([0, 1]),
    "fork of one sign": lambda: _fork([1]),
    "fork of values": lambda: _fork([0, 0, 0], "UINT4"),
    "shortcut": _shortcut,
    "shortcut of the same channels": lambda: _shortcut(PadChannels=[0, 0], PE=8),
    "shortcut without a stride": lambda: _shortcut(Stride=[1, 1], PadChannels=[0, 8], PE=4),
    "global pool": lambda: _global_pool([8, 8], 64, 4, "INT14"),
    "global pool of many channels": lambda: _global_pool([2, 2], 300, 1, "INT10"),
    "global pool of whole pixels": lambda: _global_pool([3, 2], 6, 6, "INT11"),
    "global pool of signs": lambda: _global_pool([8, 8], 64, 8, "INT8", "BIPOLAR"),
    "global pool of counts": lambda: _global_pool([4, 4], 64, 8, "INT9", "UINT4"),
    "requantiser": lambda: dyadic("Requantise", 16, 4, "dsp"),
    "requantiser with block RAM": lambda: dyadic("Requantise", 400, 1, "dsp"),
    "requantiser in LUTs": lambda: dyadic("Requantise", 16, 4, "lut"),
    "requantiser of constants": lambda: dyadic("Requantise", 8, 8, "auto"),
    "deep requantiser in LUTs": lambda: dyadic("Requantise", 64, 2, "lut", "INT14", mBits=13),
    "requantiser to counts": lambda: dyadic("Requantise", 16, 4, "dsp", outputDataType="UINT4"),
    "requantiser to wide counts": lambda: dyadic(
        "Requantise", 16, 4, "lut", shift=14, outputDataType="UINT8"
    ),
    "requantiser of the widest sums": lambda: dyadic(
        "Requantise", 8, 2, "lut", "INT20", mBits=48, bBits=48, shift=46
    ),
    "join": lambda: _join(16, 4, "dsp"),
    "join in LUTs": lambda: _join(4, 2, "lut", skipShift=0),
    "join of signs": lambda: _join(16, 4, "dsp", skipDataType="BIPOLAR", skipShift=3),
    "join of counts": lambda: _join(16, 4, "dsp", skipDataType="UINT4", outputDataType="UINT4"),
    "join of a wide stream": lambda: _join(64, 2, "dsp", skipDataType="INT12", skipShift=4),
    "sum of integers": lambda: _sum(16, 4, ("INT8", "INT5", "INT10"), 0, 2),
    "sum of signs": lambda: _sum(16, 16, ("BIPOLAR", "BIPOLAR", "INT3"), 0, 0),
    "sum of counts": lambda: _sum(8, 4, ("UINT4", "UINT6", "UINT9"), 4, 1),
    "concatenation": lambda: _concat([16, 32], 4, "INT8"),
    "concatenation of whole pixels": lambda: _concat([8, 8], 8, "UINT4"),
    "concatenation of four": lambda: _concat([16, 24, 8, 40], 8, "UINT2"),
    "concatenation of signs": lambda: _concat([64, 300, 5], 1, "BIPOLAR"),
}

MATRIX: Mapping[str, Callable[[], KernelUnderTest]] = {
    "binary convolution": lambda: _matrix("BinaryMVAU", 2, 2, **_BORDER),
    "unfolded binary convolution": lambda: _matrix("BinaryMVAU", 18, 4, **_BORDER),
    "binary weights in block RAM": lambda: _matrix(
        "BinaryMVAU", 6, 1, **_BORDER, ram_style="block"
    ),
    "binary tables": lambda: _matrix("BinaryMVAU", 6, 4, **_BORDER, ram_style="tables"),
    "binary tables of many rows": lambda: _matrix(
        "BinaryMVAU", 20, 20, MW=120, MH=40, numInputVectors=[1], ram_style="tables"
    ),
    "binary accumulators": lambda: _matrix(
        "BinaryMVAU", 9, 1, numInputVectors=[1], noActivation=1, outputDataType="INT6"
    ),
    "binary constant weights": lambda: _matrix(
        "BinaryMVAU", 24, 16, MW=24, MH=16, numInputVectors=[1]
    ),
    "binary convolution of parallel windows": lambda: _matrix(
        "BinaryMVAU", 9, 2, **_BORDER, parallel_window=1, noActivation=1, outputDataType="INT6"
    ),
    "binary constants in block RAM": lambda: _matrix(
        "BinaryMVAU",
        18,
        6,
        **_BORDER,
        MH=192,
    ),
    "pixel convolution": lambda: _matrix("IntMVAU", 2, 2, **_PIXELS),
    "unfolded pixel convolution": lambda: _matrix("IntMVAU", 18, 4, **_PIXELS),
    "pixel convolution, two rows in a DSP block": lambda: _matrix(
        "IntMVAU", 9, 4, MW=27, MH=8, narrowWeights=1, dspStyle="double", **_PIXELS
    ),
    "accumulators of parallel windows": lambda: _matrix(
        "IntMVAU",
        9,
        2,
        ConvKernelDim=[3, 3],
        parallel_window=1,
        weightDataType="INT4",
        inputDataType="INT3",
        noActivation=1,
        outputDataType="INT10",
    ),
    "signs by two bits": lambda: _small("UINT2", "BIPOLAR"),
    "signs by four bits and a sign, from block RAM": lambda: _small(
        "INT5", "BIPOLAR", MH=80, ram_style="block"
    ),
    "two bits by two, few words": lambda: _small("INT2", "INT2", SIMD=18),
    "two bits by two": lambda: _small("UINT2", "INT2"),
    "few bits, many weights": lambda: _small("UINT4", "INT4", MH=80),
    "as few bits as a DSP block takes": lambda: _small("UINT4", "INT5"),
    "more bits than a pixel": lambda: _small("INT9", "INT8"),
    "last layer": lambda: _matrix(
        "IntMVAU",
        3,
        4,
        weightDataType="INT8",
        numInputVectors=[1],
        noActivation=1,
        outputDataType="INT16",
    ),
}

DESIGNS = {**STREAMING, **CHANNELWISE, **RESIDUAL, **MATRIX}


def made_for(part: str) -> dict[str, KernelUnderTest]:
    """Return all designs for a part by name, with distinct module names."""
    made = {name: design() for name, design in DESIGNS.items()}
    for index, design in enumerate(made.values()):
        design.kernel.onnx_node.name = f"design_{index}"
        design.kernel.generate_hdl(design.model, part, CLOCK_NS)
    return made


def sources(designs: Iterable[KernelUnderTest]) -> tuple[dict[str, str], list[str]]:
    """Return what a tool needs that reads several designs.

    Returns:
        texts by file name, data files included, and the names of the sources in their order.
    """
    texts: dict[str, str] = {}
    names: dict[str, None] = {}
    for design in designs:
        kernel = design.kernel
        paths = [*kernel.get_rtl_file_list(abspath=True), *kernel.get_data_file_list()]
        texts.update({Path(path).name: Path(path).read_text() for path in paths})
        names.update(dict.fromkeys(kernel.get_rtl_file_list()))
    return texts, list(names)
