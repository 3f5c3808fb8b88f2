import pytest

from irnet_hw.train.recipe import load_recipe

#: Overrides of digits-vgg that make it train in well under a second.
SMALL = ["epochs=3", "batch_size=256", "model.widths=[4,4]", "model.pools=[true,true]"]


@pytest.fixture
def small():
    return load_recipe("digits-vgg", SMALL)
