import shutil

import pytest

from tests.flows.networks import LEAST, TINY, build_network


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The tiny network's accelerator; not to be changed."""
    return build_network(TINY, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def build_dir(built, tmp_path):
    """A copy of it."""
    return shutil.copytree(built, tmp_path / "build")


@pytest.fixture(scope="session")
def least_built(tmp_path_factory):
    return build_network(LEAST, tmp_path_factory.mktemp("least"))


@pytest.fixture
def least_dir(least_built, tmp_path):
    """A copy of the least network's accelerator."""
    return shutil.copytree(least_built, tmp_path / "least")
