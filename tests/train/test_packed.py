import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.quant.frozen import binary_weights
from irnet_hw.train.packed import is_packed, load_state, pack_state

VGG = models.VGG("vgg", [8, 8, 1], 10, widths=[3, 5, 6], pools=[False, True, True], hidden=[7])
CONFIGS = {
    "vgg": VGG,
    "plain": models.VGG("vgg", [8, 8, 1], 10, widths=[3, 5], pools=[True, True], libra=False),
    "resnet": models.ResNet(
        "resnet", [8, 8, 3], 10, "bireal", activation_bits=1, widths=[4, 6], blocks=[1, 1]
    ),
    "hardware": models.ResNet(
        *("resnet", [8, 8, 3], 10, "normal"),
        **{"activation_bits": 1, "widths": [4, 6], "blocks": [1, 1], "precision": "hardware"},
    ),
    "float activations": models.ResNet(
        "resnet", [8, 8, 3], 10, "bireal", activation_bits=32, widths=[4], blocks=[1]
    ),
}


def network(config, seed=0):
    """A network as if trained, with unbalanced weights of many scales."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        built = models.build(config)
        for module in built.modules():
            if getattr(module, "weight", None) is not None and module.weight.dim() > 1:
                module.weight[:, 0] += 3 * torch.randn_like(module.weight[:, 0])
        images = torch.randint(0, 256, (8, config.image[2], *config.image[:2])).float()
        built.train()(images)
    return built.eval()


def unpacked(config, state):
    built = models.build(config)
    load_state(built, state)
    return built.eval()


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=4)  # Brevitas takes a while to build a network
@given(st.integers(0, 2**32 - 1))
def test_computes_the_same(name, seed):
    config = CONFIGS[name]
    built = network(config, seed)
    again = unpacked(config, pack_state(built))
    images = torch.randint(0, 256, (4, config.image[2], *config.image[:2])).float()
    with torch.no_grad():
        assert torch.equal(built(images), again(images))
    for binary, found in zip(
        binary_weights(built).values(), binary_weights(again).values(), strict=True
    ):
        assert torch.equal(binary.value, found.value)
        assert torch.equal(binary.scale, found.scale)


def test_a_1_bit_weight_takes_a_bit_and_a_channel_a_byte():
    built = network(VGG)
    state, packed = built.state_dict(), pack_state(built)
    assert is_packed(packed)
    assert not is_packed(state)
    layers = list(binary_weights(built))
    assert layers == ["block1.conv", "block2.conv", "hidden0.dense"]
    for layer in layers:
        weight = state.pop(f"{layer}.weight")
        signs, exponents = packed.pop(f"{layer}.signs"), packed.pop(f"{layer}.exponents")
        assert (signs.dtype, signs.shape) == (torch.uint8, (math.ceil(weight.numel() / 8),))
        assert (exponents.dtype, exponents.numel()) == (torch.int8, len(weight))
    assert state.keys() == packed.keys()
    assert all(torch.equal(state[key], packed[key]) for key in state)


def test_the_first_sign_is_the_highest_bit():
    built = models.build(CONFIGS["plain"])
    built.block1.conv.weight.data = -torch.ones(5, 3, 3, 3)
    built.block1.conv.weight.data.view(-1)[[0, 9]] = 1
    packed = pack_state(built)
    assert packed["block1.conv.signs"].tolist() == [128, 64, *[0] * 15]
    assert packed["block1.conv.exponents"].item() == 0


def test_packing_again_changes_nothing():
    packed = pack_state(network(VGG))
    again = pack_state(unpacked(VGG, packed))
    assert packed.keys() == again.keys()
    assert all(torch.equal(packed[key], again[key]) for key in packed)


def refusal(state):
    with pytest.raises(UserError) as error:
        unpacked(VGG, state)
    return str(error.value)


def test_refuses_other_shapes_and_types():
    packed = pack_state(network(VGG))
    signs, exponents = "block1.conv.signs", "block1.conv.exponents"
    assert refusal(packed | {signs: packed[signs][1:]}) == (
        "block1.conv.signs: [16] of torch.uint8, must be [17] of torch.uint8"
    )
    assert refusal(packed | {signs: packed[signs].float()}) == (
        "block1.conv.signs: [17] of torch.float32, must be [17] of torch.uint8"
    )
    assert refusal(packed | {exponents: packed[exponents][:, 0]}) == (
        "block1.conv.exponents: [5, 1, 1] of torch.int8, must be [5, 1, 1, 1] of torch.int8"
    )
    assert refusal(packed | {exponents: packed[exponents].short()}) == (
        "block1.conv.exponents: [5, 1, 1, 1] of torch.int16, must be [5, 1, 1, 1] of torch.int8"
    )


def test_refuses_the_state_of_another_network():
    packed = pack_state(network(VGG))
    del packed["block1.conv.exponents"]
    assert refusal(packed) == ("block1.conv.weight is missing; block1.conv.signs is unknown")


def test_refuses_scales_that_are_no_powers_of_two():
    built = network(VGG)
    built.block1.conv.weight_quant.tensor_quant.forward = lambda weight: (
        weight.sign() * 0.3,
        torch.tensor(0.3),
        torch.tensor(0.0),
        torch.tensor(1.0),
    )
    with pytest.raises(UserError) as error:
        pack_state(built)
    assert str(error.value) == (
        "block1.conv: the scales of its 1-bit weights must be powers of two"
    )
