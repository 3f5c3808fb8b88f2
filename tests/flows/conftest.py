import shutil

import pytest

from tests.flows.networks import build_tiny


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The tiny network's accelerator; not to be changed."""
    return build_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def build_dir(built, tmp_path):
    """A copy of it."""
    return shutil.copytree(built, tmp_path / "build")
