from irnet_hw.compiler.area import area
from tests.hls.designs import MATRIX


def test_ultrascale_leaves_registers_and_adders_outside_its_dsp_blocks():
    kernel = MATRIX["pixel convolution"]().kernel
    series7, ultrascale = (
        area(kernel, part) for part in ("xc7z020clg400-1", "xczu7ev-ffvc1156-2-e")
    )
    blocks = series7["DSP"]
    assert blocks > 0
    assert ultrascale == {
        **series7,
        "LUT": series7["LUT"] + 4 * blocks,
        "FF": series7["FF"] + 26 * blocks,
    }


def test_without_dsp_blocks_the_families_are_alike():
    kernel = MATRIX["binary convolution"]().kernel
    assert area(kernel, "xc7z020clg400-1") == area(kernel, "xczu7ev-ffvc1156-2-e")
