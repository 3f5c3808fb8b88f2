"""The folder of an accelerator with two layers, as build, simulate and synthesise write it."""

import hashlib
from dataclasses import replace
from math import prod

import numpy as np

from irnet_hw.artifact import results
from irnet_hw.artifact.folder import digest, shell_digest
from irnet_hw.artifact.manifest import (
    FORMAT,
    Doubling,
    End,
    Folding,
    Hashes,
    Layer,
    Manifest,
    Shell,
    Stream,
    Times,
    write,
)
from irnet_hw.artifact.resources import Area
from irnet_hw.artifact.results import (
    Accuracy,
    Compared,
    Frame,
    Irregular,
    Simulation,
    Synthesis,
    SynthesisedLayer,
)
from irnet_hw.artifact.tail import Tail
from irnet_hw.form import plain

#: Their content does not matter for a report, only that it has not changed since the build.
FILES = {
    "model.onnx": b"network",
    "dataflow.onnx": b"hardware graph",
    "rtl/accelerator.sv": b"sources",
    "shell/irnet_shell.sv": b"shell",
    "shell/irnet_board.sv": b"board",
}
LAYERS = ("SlidingWindow_rtl_0", "IntMVAU_rtl_0")
RESOURCES = Area(LUT=53200, FF=106400, BRAM18=280, DSP=220)


def stream(shape, datatype, bits, lanes, source, target, tensor=None, scale=None):
    return Stream(
        tensor=tensor,
        scale=scale,
        shape=shape,
        datatype=datatype,
        lanes=lanes,
        bits=bits,
        tdata_bits=-(-bits // 8) * 8,
        beats=prod(shape) // lanes,
        source=source,
        target=target,
    )


def fact(*arguments):
    """Return a stream in the form of the facts."""
    return plain(stream(*arguments))


def manifest():
    area = Area(LUT=1234, FF=200, BRAM18=0, DSP=2)
    streams = (
        stream((4, 4, 1), "UINT8", 8, 1, None, 0, "image", 1.0),
        stream((4, 4, 9), "UINT8", 8, 1, 0, 1),
        stream((2,), "INT16", 16, 1, 1, None, "logits", 0.5),
    )
    return Manifest(
        format=FORMAT,
        name="tiny",
        versions={"irnet-hw": "0.1.0"},
        board="pynq-z2",
        part="xc7z020clg400-1",
        clock_mhz=100.0,
        target_fps=1000.0,
        top="accelerator",
        sources=("rtl/accelerator.sv",),
        data=(),
        image=streams[0].shape,
        pixel_codes=(),
        input=streams[0],
        output=End(**vars(streams[-1])),
        tail=Tail((1, 2), (), "logits", (1, 2), "float32"),
        labels=("cat", "<dog>"),
        cycles_per_frame=144,
        fps=1e8 / 144,
        bottleneck="IntMVAU_rtl_0",
        latency_cycles=180,
        folding=Folding(aim="area", distance=0.0123),
        next_doubling=Doubling(fps=2e8 / 144, area=area + area + area + area, fits=True),
        streams=streams,
        layers=(
            Layer(
                name="SlidingWindow_rtl_0",
                op="SlidingWindow",
                text="3x3 windows of 4x4 pixels, 1 channel",
                fold={"SIMD": 1},
                cycles=144,
                area=area,
                inputs=(0,),
                outputs=(1,),
                schedule=Times(first_in=0, first_out=20, last_out=150, busy=144),
                plumbing="",
                parameters={},
            ),
            Layer(
                name="IntMVAU_rtl_0",
                op="IntMVAU",
                text="dense layer <&>, 16 to 2, 8 bits",
                fold={"PE": 2, "SIMD": 1},
                cycles=144,
                area=area,
                inputs=(1,),
                outputs=(2,),
                schedule=Times(first_in=20, first_out=178, last_out=179, busy=72),
                plumbing="",
                parameters={},
            ),
        ),
        area=area + area,
        resources=RESOURCES,
        usable=replace(RESOURCES, LUT=42560),
        hashes=Hashes(
            model=hashlib.sha256(FILES["model.onnx"]).hexdigest(),
            dataflow=hashlib.sha256(FILES["dataflow.onnx"]).hexdigest(),
            folding_config="0" * 64,
            sources="",
            shell="",
            manifest="",
        ),
        metadata={
            "name": "tiny",
            "recipe": {"epochs": 3},
            "seed": 1,
            "accuracy": {"pytorch": 0.75, "qonnx": 0.75, "images": 4},
        },
        shell=Shell(
            top="irnet_board",
            sources=("shell/irnet_shell.sv",),
            version=1,
            address_bits=32,
            base_address=0x4000_0000,
            identity="0" * 32,
            registers={"MAGIC": 0},
        ),
    )


def simulation(differences=0):
    return Simulation(
        kind="sim",
        images=4,
        logits_compared=8,
        differences=differences,
        first_difference="IntMVAU_rtl_0" if differences else None,
        tapped_images=4,
        tensors=(
            Compared(LAYERS[0], LAYERS[0], "NumPy model", 1152, 0),
            Compared(LAYERS[1], "logits", "QONNX", 16, differences),
        ),
        cycles_per_frame=144.0,
        latency_cycles=170,
        first_frame=(Frame(0, 15), Frame(10, 153), Frame(168, 169)),
        waiting=(0.25, 0.5, 0.0),
        cycles=800,
        seconds=0.01,
        cycles_per_second=80000.0,
        frames_per_second=400.0,
        compile_seconds=12.0,
        irregular=Irregular(images=4, seed=1, cycles=2000, logits_compared=8),
        predictions=(0, 1, 0, 1),
        expected=(0, 1, 0, 1),
        labels=(0, 1, 0, 0),
        accuracy=Accuracy(rtl=0.75, qonnx=0.75),
    )


def synthesis():
    area = {"LUT": 1300, "FF": 210, "BRAM18": 1, "DSP": 2, "CARRY4": 7}
    return Synthesis(
        kind="synth",
        tool="Yosys 0.70",
        part="xc7z020clg400-1",
        total={name: 2 * value for name, value in area.items()},
        layers=tuple(SynthesisedLayer(name, area) for name in LAYERS),
        resources={kind: RESOURCES[kind] for kind in ("LUT", "FF", "BRAM18", "DSP")},
        seconds=40.0,
    )


def write_folder(folder, simulated=True, synthesised=True, differences=0):
    """Write the folder; simulation and synthesis only if requested."""
    for name in ("rtl", "shell"):
        (folder / name).mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    built = manifest()
    sources = digest([folder / "rtl" / "accelerator.sv"])
    shell = shell_digest(built, folder)
    write(replace(built, hashes=replace(built.hashes, sources=sources, shell=shell)), folder)
    if simulated:
        (folder / "simulation.json").write_text(results.text(simulation(differences)))
        np.savez(
            folder / "sample.npz",
            images=np.arange(64, dtype=np.uint8).reshape(4, 4, 4, 1),
            labels=[0, 1, 0, 0],
            predictions=[0, 1, 0, 1],
        )
    if synthesised:
        (folder / "synthesis.json").write_text(results.text(synthesis()))
    return folder
