from irnet_hw.compiler.folding.join_wait import waiting
from tests.compiler.hardware import Hardware, inception, resnet


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


def test_of_branches_from_different_forks_nothing_is_known() -> None:
    """The second half of an inner fork joins the outer fork's other branch."""
    hardware = Hardware((8, 8, 4), datatype="INT8")
    shape = list(hardware.shape)

    def fork(name: str, source: str) -> list[str]:
        outputs = [f"{name}_a", f"{name}_b"]
        hardware.add(
            "StreamFork", [source], "INT8", name, outputs, shape=[1, *shape], lanes=1, signs=[0, 0]
        )
        hardware.declare(outputs, ["INT8"] * 2, shape)
        return outputs

    outer = fork("outer", "image")
    hardware.tensor, hardware.datatype = outer[0], "INT8"
    hardware.convolution("body", 4)
    hardware.dyadic("Requantise", "narrow", [hardware.tensor])
    hardware.tensor, _ = fork("inner", hardware.tensor)
    hardware.convolution("more", 4)
    hardware.dyadic("Requantise", "again", [hardware.tensor])
    hardware.add(
        "AddStreams",
        [outer[1], hardware.tensor],
        "INT10",
        "apart",
        source="INT8",
        secondDataType="INT8",
        NumChannels=4,
        numInputVectors=[1, 8, 8],
        PE=1,
    )
    hardware.declare(["apart_out"], ["INT10"], shape)
    model = hardware.end(1)
    assert before(model, "apart") == [0, 0]
