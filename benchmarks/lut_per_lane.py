"""Measure the LUTs per lane of matrix-vector units with Yosys' synthesis for xc7.

    python benchmarks/lut_per_lane.py [--out lut_per_lane.json]

A lane is one of the PE * SIMD products of a cycle: of ±1 by ±1 (BinaryMVAU), or of integers of a
few bits (IntMVAU). The figures include everything: accumulators, thresholds, border correction,
control, the replay buffer and the weights.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.artifact.resources import Area
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.form import plain
from irnet_hw.kernels.resources import area
from irnet_hw.scratch import scratch
from irnet_hw.synthesise.yosys import Design, flattened

PART, FAMILY = "xc7z020clg400-1", "xc7"


def convolution(channels: int, MH: int, image: int, **folding: int | str) -> dict[str, Any]:
    """Return the attributes of a 3x3 convolution with zero padding 1."""
    return {
        "MW": 9 * channels,
        "MH": MH,
        "numInputVectors": [1, image, image],
        "ConvKernelDim": [3, 3],
        "Padding": [1, 1, 1, 1],
        "IFMDim": [image, image],
        **folding,
    }


def dense(MW: int, MH: int, **folding: int | str) -> dict[str, Any]:
    """Return the attributes of a dense layer."""
    return {"MW": MW, "MH": MH, **folding}


def few_bits(inputs: str, weights: str, layer: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a layer that gives accumulators, of these types."""
    types = {"inputDataType": inputs, "weightDataType": weights, "outputDataType": "INT18"}
    return {**layer, **types, "noActivation": 1}


_LUTS: dict[str, int | str] = {"PE": 32, "SIMD": 32, "ram_style": "distributed"}
_WIDE: dict[str, int | str] = {"parallel_window": 1, "ram_style": "distributed"}
_BLOCKS: dict[str, int | str] = {"PE": 32, "SIMD": 32, "ram_style": "block"}
_TABLES: dict[str, int | str] = {"PE": 32, "SIMD": 32, "ram_style": "tables"}
_WIDE_TABLES: dict[str, int | str] = {"parallel_window": 1, "ram_style": "tables"}
_FEW: dict[str, int | str] = {"PE": 16, "SIMD": 32, "ram_style": "distributed"}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "dense 32 to 32; constant weights": dense(32, 32, **_LUTS),
    "dense 128 to 64; weights in LUTs, 8 deep": dense(128, 64, **_LUTS),
    "dense 256 to 64; weights in LUTs, 16 deep": dense(256, 64, **_LUTS),
    "3x3x32 to 64, padded; weights in LUTs, 18 deep": convolution(32, 64, 8, **_LUTS),
    "3x3x32 to 64, padded; weights in block RAM": convolution(32, 64, 8, **_BLOCKS),
    "dense 1024 to 64; weights in LUTs, 64 deep": dense(1024, 64, **_LUTS),
    "dense 1024 to 64; weights in block RAM": dense(1024, 64, **_BLOCKS),
    "3x3x16 to 16, 144 lanes, 4 rows, 4 deep": convolution(16, 16, 32, SIMD=144, PE=4, **_WIDE),
    "3x3x32 to 32, 288 lanes, 2 rows, 16 deep": convolution(32, 32, 16, SIMD=288, PE=2, **_WIDE),
    "3x3x64 to 64, 576 lanes, 1 row, 64 deep": convolution(64, 64, 8, SIMD=576, PE=1, **_WIDE),
    "dense 128 to 64; tables in block RAM, 8 deep": dense(128, 64, **_TABLES),
    "dense 256 to 64; tables in block RAM, 16 deep": dense(256, 64, **_TABLES),
    "3x3x32 to 64, padded; tables in block RAM, 18 deep": convolution(32, 64, 8, **_TABLES),
    "dense 1024 to 64; tables in block RAM, 64 deep": dense(1024, 64, **_TABLES),
    "3x3x16 to 16, 144 lanes, 4 rows, tables, 4 deep": convolution(
        16, 16, 32, SIMD=144, PE=4, **_WIDE_TABLES
    ),
    "3x3x32 to 32, 288 lanes, 2 rows, tables, 16 deep": convolution(
        32, 32, 16, SIMD=288, PE=2, **_WIDE_TABLES
    ),
    **{
        f"dense {MW} to 64, {inputs} by {weights}; weights in LUTs, {MW // 8} deep": few_bits(
            inputs, weights, dense(MW, 64, **_FEW)
        )
        for inputs, weights in (
            ("UINT2", "BIPOLAR"),
            ("UINT4", "BIPOLAR"),
            ("UINT8", "BIPOLAR"),
            ("UINT2", "INT2"),
            ("UINT4", "INT4"),
        )
        for MW in (64, 512)
    },
}


def synthesise(op: str, attributes: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Synthesise a node's RTL with Yosys.

    Args:
        op: the op's name without ``_rtl``.
        attributes: attributes of the node.
        parameters: constant inputs in order: name -> (integers, FINN data type).

    Returns:
        LUT, FF, BRAM18, DSP, seconds, and the op's estimates.
    """
    node = helper.make_node(
        f"{op}_rtl",
        ["x", *parameters],
        ["y"],
        name="mvau",
        domain="finn.custom_op.fpgadataflow.rtl",
        backend="fpgadataflow",
        **attributes,
    )
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "mvau", [value("x", TensorProto.FLOAT, None)], [value("y", TensorProto.FLOAT, None)]
    )
    model = ModelWrapper(helper.make_model(graph))
    for name, (values, datatype) in parameters.items():
        model.set_initializer(name, values.astype(np.float32))
        model.set_tensor_datatype(name, DataType[datatype])
    kernel = getCustomOp(model.graph.node[0])
    kernel.check()
    with scratch("synth") as place:
        kernel.set_nodeattr("code_gen_dir_ipgen", str(place))
        kernel.generate_hdl(model, PART, 10.0)
        texts = {
            Path(file).name: Path(file).read_text()
            for file in kernel.get_rtl_file_list(abspath=True)
        }
        data = {Path(file).name: Path(file) for file in kernel.get_data_file_list()}
        start = time.monotonic()
        counted = flattened(Design("mvau", texts, data), FAMILY)
        seconds = time.monotonic() - start
    return {
        **plain(Area.of(counted)),
        "seconds": round(seconds, 1),
        "model": plain(area(kernel, PART)),
    }


def random_layer(attributes: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """Synthesise a unit with random weights, and random thresholds or biases."""
    rng = np.random.default_rng(seed)
    MW, MH = attributes["MW"], attributes["MH"]
    weights = attributes.get("weightDataType", "BIPOLAR")
    datatype = DataType[weights]
    if weights == "BIPOLAR":
        W = rng.integers(0, 2, (MW, MH)) * 2 - 1
    else:
        W = rng.integers(int(datatype.min()), int(datatype.max()) + 1, (MW, MH))
    return synthesise(
        "IntMVAU" if "weightDataType" in attributes else "BinaryMVAU",
        {"inputDataType": "BIPOLAR", "outputDataType": "BIPOLAR", **attributes},
        {"W": (W, weights), "last": (np.rint(rng.normal(0, MW**0.5, MH)), "INT32")},
    )


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("lut_per_lane.json"))
    parser.add_argument("--force", action="store_true", help="overwrite another file, too")
    arguments = parser.parse_args()
    out = arguments.out
    require_ours(out, holds_json(part=..., rows=...), arguments.force)
    print(f"{'':50} {'LUT':>6} {'FF':>6} {'BRAM18':>6} {'lanes':>6} {'LUT/lane':>8} {'s':>6}")
    rows = []
    for name, attributes in CONFIGURATIONS.items():
        result = random_layer(attributes)
        lanes = attributes["PE"] * attributes["SIMD"]
        per_lane = round(result["LUT"] / lanes, 3)
        rows.append(
            {
                "configuration": name,
                **attributes,
                **result,
                "lanes": lanes,
                "lut_per_lane": per_lane,
            }
        )
        print(
            f"{name:50} {result['LUT']:6} {result['FF']:6} {result['BRAM18']:6} {lanes:6} "
            f"{per_lane:8.2f} {result['seconds']:6.0f}",
            flush=True,
        )
    with whole_file(out) as path:
        path.write_text(json.dumps({"kind": "synth", "part": PART, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
