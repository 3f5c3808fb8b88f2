"""Compiles large layers apart from the accelerator, once for all layers with equal parameters.

Verilator and g++ compile a large layer's code only if no layer of any accelerator had the same
sources before. What differs between such layers, the contents of their memories, is read when a
simulation starts. In the accelerator's own simulation a module with the same ports takes the
layer's place; it passes the port values to the compiled code and back.

Two functions compute its outputs, to avoid false combinational loops: by the rules of AXI4-Stream,
what a layer offers (``TVALID`` and ``TDATA``) does not depend on whether it is taken (``TREADY``),
but whether it takes a beat may depend on all inputs.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.errors import UserError
from irnet_hw.files import whole_folder
from irnet_hw.progress import track
from irnet_hw.scratch import scratch
from irnet_hw.share import share
from irnet_hw.tools.environment import VERILATOR, Verilator, cache_dir, cached, locked
from irnet_hw.tools.process import Job, run
from irnet_hw.verilog import writer
from irnet_hw.verilog.layer import MODULE, Part, alike, part
from irnet_hw.verilog.writer import Port

HEADER = Path(__file__).with_name("shared_layers.h")
#: Layers with weights that have at least this many LUTs, by the area model, are compiled apart.
#: Smaller ones compile at once, and passing their values would take longer than simulating them.
#: Layers without hex files have their constants in their sources, so hardly any two are equal.
LEAST_LUT = 300


@dataclass(frozen=True)
class Apart:
    """Layers with equal parameters and their compiled code.

    Attributes:
        parts: the layers.
        name: the code's C++ class.
        flags: Verilator's.
    """

    parts: Sequence[Part]
    name: str
    flags: Sequence[str]

    @property
    def folder(self) -> Path:
        """Where the compiled code is kept: the headers and :attr:`archive`."""
        return cache_dir() / "layers" / self.name

    @property
    def archive(self) -> Path:
        """The compiled code."""
        return self.folder / f"{self.name}__ALL.a"

    def modules(self) -> dict[str, str]:
        """Return, for each layer, the module that takes its place in the simulation."""
        return {one.layer: _module(one, self.name) for one in self.parts}


def large_layers(folder: Path, manifest: Manifest, flags: Sequence[str]) -> list[Apart]:
    """Return the layers of an accelerator that are to be compiled apart, equal ones together.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        flags: Verilator's.
    """
    waivers = (share("rtl") / "lint.vlt").read_text()
    parts = [
        part(folder, manifest, layer.name)
        for layer in manifest.layers
        if layer.area.LUT >= LEAST_LUT
    ]
    groups = alike((one.digest(*flags, waivers, data=False), one) for one in parts if one.data)
    return [Apart(group, f"Layer_{digest}", flags) for digest, group in groups.items()]


def compile_apart(layers: Iterable[Apart], verilator: Verilator) -> None:
    """Compile the layers that are not compiled yet, in parallel.

    Raises:
        UserError: a layer's sources do not compile.
    """
    with (
        locked(cache_dir() / "layers"),
        scratch("layers") as place,
    ):
        new = [one for one in layers if not one.folder.is_dir()]
        if not new:
            return
        jobs = [_job(one, place / one.name, verilator) for one in new]
        for index, status in track(run(jobs), "compiling layers", len(jobs), "layers"):
            one, made = new[index], jobs[index].folder
            if status != 0:
                log = jobs[index].said()
                raise UserError(f"{one.parts[0].layer}: does not compile:\n{log[-4000:]}")
            with cached(one.folder, whole_folder) as target:
                for file in (*made.glob("obj/*.h"), made / "obj" / one.archive.name):
                    shutil.copy(file, target)


def _job(one: Apart, place: Path, verilator: Verilator) -> Job:
    place.mkdir()
    environment = verilator.prepare(place)
    shutil.copyfile(share("rtl") / "lint.vlt", place / "lint.vlt")
    command = [
        *(VERILATOR, "--cc", "--build", "-j", "1", *one.flags, "-CFLAGS", "-fPIC"),
        *("--top-module", MODULE, "--prefix", one.name, "-Mdir", "obj"),
        *("lint.vlt", *one.parts[0].write(place)),
    ]
    return Job(command, place, environment)


def _offer_and_take(one: Part) -> tuple[list[Port], list[Port]]:
    """Return the ports that offer beats, and those that say whether a beat is taken."""
    ports = [port for port in one.ports() if port.name != "ap_clk"]
    take = [port for port in ports if port.name.endswith("_TREADY")]
    return [port for port in ports if port not in take], take


def _module(one: Part, c: str) -> str:
    """Return SystemVerilog with the layer's name and ports that calls the compiled code ``c``."""
    offer, take = _offer_and_take(one)

    def formal(port: Port) -> str:
        width = "" if port.bits is None else f" [{port.bits - 1}:0]"
        return f"{'input' if port.incoming else 'output'} bit{width} {port.name}"

    def declared(ports: Iterable[Port]) -> str:
        return ", ".join(map(formal, ports))

    def named(ports: Iterable[Port]) -> str:
        return ", ".join(port.name for port in ports)

    body = f"""    import "DPI-C" function chandle {c}_new(input string folder);
    import "DPI-C" function void {c}_delete(input chandle layer);
    import "DPI-C" function void {c}_tick(input chandle layer);
    import "DPI-C" function int unsigned {c}_offer(
        input chandle layer, input int unsigned ticks, {declared(offer)});
    import "DPI-C" function void {c}_take(
        input chandle layer, input int unsigned settled, {declared(take)});

    chandle layer;
    int unsigned ticks, settled;
    initial layer = {c}_new("{one.layer}");
    final {c}_delete(layer);
    always_ff @(posedge ap_clk) begin
        {c}_tick(layer);
        ticks <= ticks + 1;
    end
    always_comb settled = {c}_offer(layer, ticks, {named(offer)});
    always_comb {c}_take(layer, settled, {named(take)});
"""
    return writer.module(one.layer, one.ports(), body)


def calls(layers: Iterable[Apart]) -> str:
    """Return the C++ of the functions that the modules of :meth:`Apart.modules` call."""
    texts = [f'#include "{HEADER.name}"\n']
    for one in layers:
        c, (offer, take) = one.name, _offer_and_take(one.parts[0])
        texts.append(f"""
#include "{c}.h"

extern "C" {{
void* {c}_new(const char* folder) {{ return new Apart<{c}>{{folder}}; }}
void {c}_delete(void* layer) {{ delete static_cast<Apart<{c}>*>(layer); }}
void {c}_tick(void* layer) {{ static_cast<Apart<{c}>*>(layer)->tick(); }}
unsigned int {c}_offer(void* layer, unsigned int, {_formals(offer)}) {{
    auto& apart = *static_cast<Apart<{c}>*>(layer);
{_puts(offer)}    const uint32_t settled = apart.settle();
{_gets(offer)}    return settled;
}}
void {c}_take(void* layer, unsigned int, {_formals(take)}) {{
    auto& apart = *static_cast<Apart<{c}>*>(layer);
{_puts(take)}    apart.settle();
{_gets(take)}}}
}}
""")
    return "".join(texts)


def _formals(ports: Iterable[Port]) -> str:
    """Return C++ parameters as the interface passes them: scalars by value, vectors by pointer."""

    def one(port: Port) -> str:
        if port.bits is None:
            return f"svBit {port.name}" if port.incoming else f"svBit* {port.name}"
        return f"{'const ' if port.incoming else ''}svBitVecVal* {port.name}"

    return ", ".join(map(one, ports))


def _puts(ports: Iterable[Port]) -> str:
    return "".join(
        f"    apart.put(apart.model.{port.name}, {port.name}{_bytes(port)});\n"
        for port in ports
        if port.incoming
    )


def _gets(ports: Iterable[Port]) -> str:
    return "".join(
        f"    apart.get({port.name}, apart.model.{port.name}{_bytes(port)});\n"
        for port in ports
        if not port.incoming
    )


def _bytes(port: Port) -> str:
    return "" if port.bits is None else f", {port.bits // 8}"
