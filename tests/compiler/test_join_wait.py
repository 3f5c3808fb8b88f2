from irnet_hw.compiler.folding.join_wait import waiting
from tests.compiler.hardware import inception, resnet


def before(model, name: str) -> list[int]:
    node = model.find_producer(f"{name}_out")
    return waiting(model, node)


def test_nothing_is_known_to_wait_before_a_kernel_with_one_input() -> None:
    assert before(resnet((8, 8, 3), (4,)), "pool") == [0]


def test_the_bypass_of_windows_holds_a_row_and_a_pixel() -> None:
    """The first window needs pixel (1, 1), the tenth at 8 columns; one may be in the kernels."""
    assert before(resnet((8, 8, 3), (4,)), "unit0_0_join") == [0, 9 * 4]


def test_that_of_two_convolutions_holds_both_ones_rows() -> None:
    """The second one's first window needs the first one's (1, 1), which needs (2, 2)."""
    assert before(resnet((8, 8, 3), (4,), convs=2), "unit0_0_join") == [0, 18 * 4]


def test_a_stride_lets_through_every_other_pixel() -> None:
    """Of 4 pixels in a row, 2 have left when the first window's last pixel, (1, 1), comes."""
    for shortcut in ("pad", "conv"):
        body, skip = before(resnet((8, 8, 3), (4, 8), 1, shortcut), "unit1_0_join")
        assert body == 0
        assert 8 <= skip <= 4 * 8


def test_before_a_concatenation_each_stream_waits_with_its_own_channels() -> None:
    """Windows of 3x3 pixels hold back the first two branches alike; the third waits for both."""
    model = inception((8, 8, 3), width=4, channels=6)
    assert before(model, "block_concat") == [0, 0, 9 * 4]
