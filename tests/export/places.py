"""Export single modules."""

import pytest

from irnet_hw.errors import UserError
from irnet_hw.export.exact import Grid, Place
from irnet_hw.export.network import exact

BITS = Grid.of(1, 1)


def replace(module, grid=BITS, **place):
    return exact(module.eval(), Place("part", grid, **place))


def refused(module, grid=BITS, **place):
    with pytest.raises(UserError) as error:
        replace(module, grid, **place)
    return str(error.value)
