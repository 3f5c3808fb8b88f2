"""C simulation of the HLS kernels: the C++ that Vitis HLS would get, compiled by g++.

Vitis' headers are the open ones in the package hls4ml. Many blocks are compiled at once, because
these headers take most of the time. Where a template has the pragma that pipelines its loop, a
cycle passes: at an initiation interval of 1, each iteration takes one. Beats may come in some
cycles only. In the other cycles, a template with blocking reads would find no beat, where hardware
would stall.
"""

import contextlib
import hashlib
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
from finn.interface.settings import FINNSettings
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw.kernels.base import beats
from irnet_hw.tools.environment import cache_dir, locked
from tests.rtl.harness import CLOCK_NS, PART, KernelUnderTest

#: C++14, as FINN tells Vitis HLS to use; all warnings except about unknown pragmas are errors.
FLAGS = ("-std=c++14", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")
#: The pragma of a template's loop, and its replacement that lets a cycle pass.
PIPELINE, CYCLE = "#pragma HLS PIPELINE II=1 style=flp\n", "cycle();\n"
#: Stand-ins for parts of Vitis HLS and for FINN's own dependencies.
STAND_INS = Path(__file__).parent / "vitis"

_PROGRAM = """
// Calls one of the blocks with the beats on standard input, a line of hexadecimal beats for each
// stream, and prints a line of beats for each output stream, then how many are left in the inputs
// and how many cycles the loop took.

#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <ap_int.h>
#include <hls_stream.h>

static unsigned long cycles;
static std::function<void()> feed = [] {{}};  // brings the next beat

inline void cycle() {{
    cycles++;
    feed();
}}
{headers}

static unsigned frames;
static int gaps;  // percentage of the cycles in which no beat comes

template <int W>
static void fill(hls::stream<ap_uint<W> > &stream) {{
    std::string line, word;
    std::getline(std::cin, line);
    std::deque<ap_uint<W> > beats;
    for (std::istringstream words(line); words >> word;)
        beats.push_back(ap_uint<W>(word.c_str(), 16));
    if (gaps == 0) {{
        for (const auto &beat : beats) stream.write(beat);
        return;
    }}
    feed = [beats, &stream]() mutable {{
        if (beats.empty() || std::rand() % 100 < gaps) return;
        stream.write(beats.front());
        beats.pop_front();
    }};
}}

template <int W>
static unsigned drain(hls::stream<ap_uint<W> > &stream, bool print) {{
    unsigned count = 0;
    for (; !stream.empty(); count++) {{
        const std::string beat = stream.read().to_string(16, false);
        if (print) std::cout << beat << ' ';
    }}
    if (print) std::cout << '\\n';
    return count;
}}
{blocks}
int main(int, char **arguments) {{
    static void (*const calls[])() = {{{names}}};
    frames = std::strtoul(arguments[2], nullptr, 10);
    gaps = std::atoi(arguments[3]);
    calls[std::strtoul(arguments[1], nullptr, 10)]();
}}
"""

_BLOCK = """
#undef AP_INT_MAX_W
#define COUNT (frames * {block.count}u)
namespace block{ind} {{
#include "{block.file}"

static void call() {{
    {declarations}
    {fills}
    {block.function}({streams});
    {drains}
    std::cout << {left} << '\\n' << cycles << '\\n';
}}
}}
#undef COUNT
"""


@dataclass(frozen=True)
class Block:
    """A function on streams, to be compiled with others.

    Attributes:
        function: its name.
        file: the C++ file with it, relative to the common folder.
        headers: to include before it, outside the namespace that it gets.
        inputs: widths of its input streams.
        outputs: widths of its output streams.
        count: the value of COUNT in its file per frame.
    """

    function: str
    file: str
    headers: Sequence[str]
    inputs: Sequence[int]
    outputs: Sequence[int]
    count: int = 1

    def text(self, ind: int) -> str:
        """Return the C++ of the block and of its call."""
        ins = {f"in{at}": width for at, width in enumerate(self.inputs)}
        outs = {f"out{at}": width for at, width in enumerate(self.outputs)}
        streams: Mapping[str, int] = {**ins, **outs}
        return _BLOCK.format(
            ind=ind,
            block=self,
            declarations=" ".join(
                f"hls::stream<ap_uint<{width}> > {name};" for name, width in streams.items()
            ),
            fills=" ".join(f"fill({name});" for name in ins),
            streams=", ".join(streams),
            drains=" ".join(f"drain({name}, true);" for name in outs),
            left=" + ".join(f"drain({name}, false)" for name in ins),
        )


@contextlib.contextmanager
def finn_settings(folder: Path) -> Iterator[None]:
    """Let FINN write its builds into a folder, and find its dependencies."""
    found = FINNSettings.init(
        flow_config=folder / "flow.yaml",
        auto_set_environment_vars=False,
        finn_build_dir=str(folder),
        finn_deps=str(STAND_INS),
    )
    with mock.patch("finn.util.settings._SETTINGS", found):
        yield


def vitis_headers() -> Path:
    """Return the folder with ap_int.h and hls_stream.h."""
    spec = importlib.util.find_spec("hls4ml")
    assert spec is not None and spec.submodule_search_locations, "hls4ml is not installed"
    return Path(spec.submodule_search_locations[0]) / "templates" / "vivado" / "ap_types"


def compile_blocks(folder: Path, blocks: Sequence[Block]) -> Path:
    """Compile blocks whose files are in a folder; return the program, or an equal cached one."""
    headers = [header for block in blocks for header in block.headers]
    (folder / "main.cpp").write_text(
        _PROGRAM.format(
            headers="\n".join(f'#include "{header}"' for header in headers),
            blocks="".join(block.text(ind) for ind, block in enumerate(blocks)),
            names=", ".join(f"block{ind}::call" for ind in range(len(blocks))),
        )
    )
    digest = hashlib.sha256(repr(FLAGS).encode())
    for file in sorted(folder.rglob("*.[ch]pp")):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    program = cache_dir() / "csim" / digest.hexdigest()[:16]
    with locked(program):
        if not program.is_file():
            compiled = compile_program(folder, "main.cpp", ["-o", "program"])
            assert compiled.returncode == 0, compiled.stderr[:8000]
            moved = program.with_suffix(".new")
            shutil.copy(folder / "program", moved)
            moved.replace(program)
    return program


def compile_program(
    folder: Path, source: str, options: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Return the messages of g++ about a file in a folder."""
    includes = ["-isystem", str(vitis_headers()), "-I", str(STAND_INS / "finn-hlslib")]
    return subprocess.run(
        ["g++", *FLAGS, *includes, *options, source],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def run_block(
    program: Path, ind: int, frames: int, inputs: Sequence[Sequence[int]], gaps: int = 0
) -> tuple[list[list[int]], int]:
    """Return the beats of a block's output streams, and the cycles; it must use up all inputs.

    Args:
        program: of :func:`compile_blocks`.
        ind: which block.
        frames: how many to process.
        inputs: beats of each input stream.
        gaps: percentage of the cycles without an input beat, if there is one input stream.
    """
    lines = [" ".join(f"{word:x}" for word in words) for words in inputs]
    result = subprocess.run(
        [program, str(ind), str(frames), str(gaps)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    *outputs, left, cycles = result.stdout.splitlines()
    assert left == "0", f"{left} beats are left of {[len(words) for words in inputs]}"
    return [[int(word, 16) for word in line.split()] for line in outputs], int(cycles)


class CSimulation:
    """The HLS blocks of some kernels, compiled into one program."""

    def __init__(self, tests: Sequence[KernelUnderTest]):
        """Generate and compile them, or reuse an equal program."""
        self.tests = tests
        with tempfile.TemporaryDirectory(prefix="csim-") as scratch:
            folder = Path(scratch)
            blocks = [_generate(test, folder / f"{ind}") for ind, test in enumerate(tests)]
            self.program = compile_blocks(folder, blocks)

    def stream(self, ind: int, x: np.ndarray | Sequence[np.ndarray], gaps: int = 0) -> int:
        """Pass frames (batch first) through a block; assert that it equals the kernel's model.

        Returns:
            the cycles of all frames.
        """
        kernel, parameters = self.tests[ind].kernel, self.tests[ind].parameters
        streams = [x] if isinstance(x, np.ndarray) else list(x)
        words = [
            beats(one, kernel.lanes_in(at), kernel.get_input_datatype(at))
            for at, one in enumerate(streams)
        ]
        found, cycles = run_block(self.program, ind, len(streams[0]), words, gaps)
        y = kernel.results(*(one.astype(np.int64) for one in streams), *parameters)
        for at, (out, right) in enumerate(zip(found, y, strict=True)):
            expected = beats(right, kernel.lanes_out(at), kernel.get_output_datatype(at))
            assert out == expected, f"output {at}; attributes {kernel.onnx_node.attribute}"
        return cycles


def hls_model(test: KernelUnderTest) -> ModelWrapper:
    """Return a kernel's model with its node in the HLS domain."""
    model = ModelWrapper(test.model.model, make_deepcopy=True)
    (node,) = model.graph.node
    node.op_type = node.op_type.removesuffix("_rtl") + "_hls"
    node.domain = "finn.custom_op.fpgadataflow.hls"
    node.name = f"{node.op_type}_0"
    generated = ("code_gen_dir_ipgen", "gen_top_module", "ipgen_path", "ip_path")
    kept = [attribute for attribute in node.attribute if attribute.name not in generated]
    del node.attribute[:]
    node.attribute.extend(kept)
    return model


def _generate(test: KernelUnderTest, folder: Path) -> Block:
    """Write the input of Vitis HLS for a kernel into a folder."""
    folder.mkdir()
    model = hls_model(test)
    kernel = getCustomOp(model.graph.node[0])
    kernel.set_nodeattr("code_gen_dir_ipgen", str(folder))
    with finn_settings(folder):
        kernel.code_generation_ipgen(model, PART, CLOCK_NS)
    template = folder / kernel.headers[-1]
    template.write_text(template.read_text().replace(PIPELINE, CYCLE))
    name = kernel.onnx_node.name
    return Block(
        function=name,
        file=f"{folder.name}/top_{name}.cpp",
        headers=[f"{folder.name}/{kernel.headers[-1]}"],
        inputs=[kernel.get_instream_width(at) for at in range(kernel.streams_in())],
        outputs=[kernel.get_outstream_width(at) for at in range(kernel.streams_out())],
        count=kernel.calls(),
    )
