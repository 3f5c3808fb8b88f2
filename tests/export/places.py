"""Export single modules."""

import pytest

from irnet_hw.errors import UserError
from irnet_hw.export.exact import Place
from irnet_hw.export.network import exact
from irnet_hw.quant.grid import Grid

BITS = Grid.of(1, 1)


def replace(module, grid=BITS, **place):
    return exact(module.eval(), Place("part", grid, **place))


def refused(module, grid=BITS, **place):
    with pytest.raises(UserError) as error:
        replace(module, grid, **place)
    return str(error.value)
