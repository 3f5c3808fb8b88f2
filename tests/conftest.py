"""Settings and fixtures for all tests: Hypothesis prints its seed, networks are built once."""

import shutil
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

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
