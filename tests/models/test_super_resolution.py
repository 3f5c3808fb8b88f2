import pytest
import torch

from irnet_hw.errors import UserError
from irnet_hw.models import SuperResolution, build
from irnet_hw.quant.frozen import binary_weights


def network(**keys):
    torch.manual_seed(0)
    defaults = {"scale": 2, "width": 8, "blocks": 2}
    return build(SuperResolution("super-resolution", [8, 8, 1], **(defaults | keys)))


def pixels(height, width):
    return torch.randint(0, 256, (2, 1, height, width)).float()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("tail", [1, 3])
def test_it_gives_8_bit_pixels_of_the_enlarged_size(scale, tail):
    y = network(scale=scale, tail=tail)(pixels(7, 5))
    assert y.shape == (2, 1, 7 * scale, 5 * scale)
    assert torch.equal(y, y.round().clamp(0, 255))


def test_without_details_every_pixel_is_repeated():
    enlarging = network(scale=3)
    enlarging.get_submodule("enlarge.body.tail").weight.data.zero_()
    x = pixels(6, 4)
    assert torch.equal(enlarging(x), x.repeat_interleave(3, 2).repeat_interleave(3, 3))


def test_details_saturate_at_black_and_white():
    enlarging = network()
    enlarging.get_submodule("enlarge.body.tail").weight.data *= 1e3
    y = enlarging(pixels(6, 6))
    assert y.min() == 0 and y.max() == 255


def test_a_pixel_depends_on_those_that_its_windows_reach():
    enlarging, x = network(blocks=3), pixels(24, 24)
    reach = 1 + 3 + 1  # the first convolution, the body and the last one
    changed = x.clone()
    changed[:, :, 12, 12] = 255 - changed[:, :, 12, 12]
    rows, columns = (enlarging(x) != enlarging(changed))[:, 0].any(0).nonzero().T
    for found in (rows, columns):
        assert 2 * (12 - reach) <= found.min() and found.max() < 2 * (12 + reach + 1)


def test_the_body_has_1_bit_weights():
    weights = binary_weights(network(width=4, blocks=3))
    assert [tuple(weight.value.shape) for weight in weights.values()] == 3 * [(4, 4, 3, 3)]


def test_gradients_reach_every_parameter():
    enlarging = network()
    (enlarging(pixels(8, 8)) - 99).abs().mean().backward()
    for name, parameter in enlarging.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"scale": 5}, "model.scale: 5, must be 2, 3 or 4"),
        ({"width": 0}, "model.width: 0, must be from 1 to 65536"),
        ({"blocks": 0}, "model.blocks: 0, must be from 1 to 256"),
        ({"tail": 2}, "model.tail: 2, must be 1 or 3"),
        ({"image": [8, 9, 1]}, "model.image: [8, 9, 1], must be height, the same width, and 1"),
        ({"image": [8, 8, 3]}, "model.image: [8, 8, 3], must be height, the same width, and 1"),
    ],
)
def test_values_that_do_not_fit_are_refused(keys, message):
    defaults = {"name": "super-resolution", "image": [8, 8, 1], "scale": 2}
    with pytest.raises(UserError) as info:
        SuperResolution(**(defaults | keys))
    assert str(info.value).startswith(message)
