from dataclasses import replace

from irnet_hw.kernels.resources import area
from tests.rtl.designs import MATRIX, RESIDUAL, STREAMING

SERIES7, ULTRASCALE = "xc7z020clg400-1", "xczu7ev-ffvc1156-2-e"


def both(design):
    """Return a design's area on a part of each family."""
    kernel = design().kernel
    return area(kernel, SERIES7), area(kernel, ULTRASCALE)


def test_ultrascale_leaves_registers_and_adders_outside_its_dsp_blocks():
    for design, adders, registers in (
        (MATRIX["pixel convolution"], 2 * 17 + 4, 80),
        (RESIDUAL["requantiser with block RAM"], 22, 11 + 21 + 13 + 18),
    ):
        series7, ultrascale = both(design)
        assert series7["DSP"] == ultrascale["DSP"] > 0
        assert ultrascale["LUT"] - series7["LUT"] == adders
        assert ultrascale["FF"] - series7["FF"] == registers


def test_ultrascale_has_lut_ram_in_blocks_of_eight_luts():
    series7, ultrascale = both(STREAMING["window"])
    assert ultrascale == replace(series7, LUT=series7.LUT + 4)


def test_without_memories_and_dsp_blocks_the_families_are_alike():
    series7, ultrascale = both(RESIDUAL["requantiser in LUTs"])
    assert series7 == ultrascale
