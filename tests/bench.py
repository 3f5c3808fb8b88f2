"""cocotb on Verilator: compile a design once, reuse it, run a test module on it.

::

    bench = compile_bench(sources=[...], top="my_kernel_0")
    bench.run("tests.rtl.my_kernel_bench", env={"CASE": "case.json"})
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Verilator

from irnet_hw.scratch import scratch
from irnet_hw.simulate.compile import VERILATOR_FLAGS
from irnet_hw.tools.environment import cache_dir, find_verilator, locked

#: Noise in the output of every run, always the same.
_NOISE = ("+verilator+rand+reset+2", "+verilator+seed+1")


class _PortsOnly(Verilator):  # type: ignore[misc]
    """cocotb's Verilator runner with only the top module's signals public: twice as fast."""

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        at = verilate.index("--public-flat-rw")
        return [[*verilate[:at], "--public-depth", "1", *verilate[at + 1 :]], make]


@dataclass(frozen=True)
class Bench:
    """A compiled simulation."""

    folder: Path
    top: str

    def run(self, module: str, env: Mapping[str, str], data: Path | None = None) -> int:
        """Run every cocotb test of ``module``; return how many ran.

        Args:
            module: dotted name of the Python module that holds the tests.
            env: added to the environment of the simulation.
            data: folder in which ``$readmemh`` finds its files.

        Raises:
            AssertionError: a test failed; its log is in the message.
        """
        with scratch("bench") as place:
            log = place / "log.txt"
            runner = _runner()
            with _environment({**find_verilator().on_path(), "PYTHONPATH": str(Path.cwd())}):
                try:
                    results = runner.test(
                        test_module=module,
                        hdl_toplevel=self.top,
                        hdl_toplevel_lang="verilog",
                        build_dir=self.folder,
                        test_dir=data or place,
                        results_xml=str(place / "results.xml"),
                        plusargs=_NOISE,
                        extra_env={**env, "COCOTB_ANSI_OUTPUT": "0"},
                        log_file=log,
                    )
                    ran, failed = get_results(results)
                except (RuntimeError, SystemExit) as error:
                    tail = log.read_text()[-8000:] if log.is_file() else ""
                    raise AssertionError(
                        f"{self.top}: simulation failed: {error}\n{tail}"
                    ) from None
            assert failed == 0 and ran > 0, (
                f"{failed} of {ran} tests failed on {self.top}\n{log.read_text()[-8000:]}"
            )
            return int(ran)


def compile_bench(
    sources: Sequence[Path], top: str, parameters: Mapping[str, object] | None = None
) -> Bench:
    """Compile ``sources`` for cocotb, or return the earlier result of the same call.

    Args:
        sources: SystemVerilog files, and .vlt waivers.
        top: the module to simulate.
        parameters: parameters of the top module.
    """
    settings = (top, sorted((parameters or {}).items()), VERILATOR_FLAGS)
    digest = hashlib.sha256(repr(settings).encode())
    for source in sources:
        digest.update(Path(source).name.encode() + b"\0" + Path(source).read_bytes())
    folder = cache_dir() / "bench" / f"{top}-{digest.hexdigest()[:16]}"
    with locked(folder):
        if not (folder / "done").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            with _environment(find_verilator().on_path()):
                _runner().build(
                    sources=[Path(source).absolute() for source in sources],
                    hdl_toplevel=top,
                    parameters=dict(parameters or {}),
                    build_args=VERILATOR_FLAGS,
                    build_dir=folder,
                    log_file=folder / "build.log",
                )
            (folder / "done").touch()
    return Bench(folder, top)


def _runner() -> Verilator:
    return _PortsOnly()


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Set the variables that cocotb's runner reads from this process's environment."""
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
