import dataclasses

import pytest
import torch

from irnet_hw.errors import UserError
from irnet_hw.models import VGG, SuperResolution, build
from irnet_hw.share import share
from irnet_hw.train import table
from irnet_hw.train.recipe import from_table, load_recipe

DIGITS = share("train") / "digits-vgg.toml"


def test_reads_by_name_and_by_path():
    recipe = load_recipe("digits-vgg")
    assert recipe == load_recipe(str(DIGITS))
    assert recipe.name == "digits-vgg"
    assert recipe.model == VGG(
        "vgg", [8, 8, 1], 10, widths=[32, 32, 64, 64], pools=[False, True, False, True]
    )


recipes = pytest.mark.parametrize(
    "path", sorted(share("train").glob("*.toml")), ids=lambda path: path.stem
)


def complete(name):
    """Return a recipe by name; for the user's own images, fill in what they would determine."""
    own = ["model.image=[32,32,3]", "model.classes=10"]
    return load_recipe(name, ["data_folder=/somewhere", *(own if name == "folder-vgg" else [])])


@recipes
def test_every_recipe_is_valid_and_named_as_its_file(path):
    assert complete(path.stem).name == path.stem


def test_every_recipe_survives_its_own_writing(tmp_path):
    """A run's folder keeps the recipe as used; reading it again must give the same recipe."""
    for path in share("train").glob("*.toml"):
        recipe = complete(path.stem)
        written = tmp_path / path.name
        written.write_text(table.write(table.table(recipe)))
        assert load_recipe(str(written)) == recipe


#: Published counts, plus the batch norms and biases that they leave out.
VGG_SMALL = 9 * (3 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512) + 4 * 896
PARAMETERS = {
    # He et al.: 269722, without a batch norm before the dense layer.
    **dict.fromkeys(
        [f"resnet20{kind}" for kind in ("", "-1w32a", "-hardware", "-rounded", "-normal")],
        269_722 + 2 * 64,
    ),
    # Counts of torchvision for ImageNet, and of the usual PyTorch implementation for CIFAR; both
    # also lack that batch norm.
    **dict.fromkeys(["resnet18", "resnet18-hardware", "resnet18-rounded"], 11_173_962 + 2 * 512),
    "cifar100-resnet18": 11_220_132 + 2 * 512,
    **dict.fromkeys(["imagenet-resnet18", "imagenet-resnet18-1w32a"], 11_689_512 + 2 * 512),
    **dict.fromkeys(["imagenet-resnet34", "imagenet-resnet34-1w32a"], 21_797_672 + 2 * 512),
    # Six convolutions of 128 to 512 channels with batch norms, then 8192 inputs to the classes.
    **dict.fromkeys(["vgg-small", "vgg-small-hardware"], VGG_SMALL + 8193 * 10),
    "cifar100-vgg-small": VGG_SMALL + 8193 * 100,
    # FINN counts the weights of its networks.
    "cnv": 1_542_848 + 2 * (2 * (64 + 128 + 256) + 2 * 512) + 10,
    "tfc": 59_008 + 2 * 3 * 64 + 10,
    "sfc": 334_336 + 2 * 3 * 256 + 10,
    "lfc": 2_910_208 + 2 * 3 * 1024 + 10,
    # Our own networks.
    "digits-vgg": 67_754,
    "folder-vgg": 9 * (3 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 2 * (2 * 32 + 2 * 64) + 40_970,
    **{f"sr-x{n}": 9 * (32 + 8 * 32 * 32 + 32 * n * n) + (2 + 8 * 3) * 32 for n in (2, 3, 4)},
}


@pytest.mark.slow
@recipes
def test_every_recipe_has_the_published_parameters(path):
    model = build(complete(path.stem).model)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[path.stem]


@pytest.mark.slow
@recipes
def test_every_recipe_classifies_or_enlarges(path):
    config = complete(path.stem).model
    height, width, channels = config.image
    if height > 32:
        config = dataclasses.replace(config, image=[64, 64, channels])
        height = width = 64
    pixels = torch.randint(0, 256, (2, channels, height, width)).float()
    with torch.no_grad():
        y = build(config)(pixels)
    if isinstance(config, SuperResolution):
        assert y.shape == (2, 1, config.scale * height, config.scale * width)
    else:
        assert y.shape == (2, config.classes)


def test_values_can_be_overridden():
    recipe = load_recipe("digits-vgg", ["epochs=2", "model.widths=[1,2,3,4]", "name=other"])
    assert (recipe.epochs, recipe.model.widths, recipe.name) == (2, [1, 2, 3, 4], "other")


def test_goes_to_a_table_and_back():
    recipe = load_recipe("digits-vgg")
    assert from_table(table.table(recipe), "here") == recipe


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model=3", "model: must be a table [model]"),
        ("model.name=vggg", "model.name = 'vggg': must be one of mlp, resnet, "
         "super-resolution, vgg"),
        ("model.depth=3", "model.depth = 3: no such key; the keys are model.name, model.image, "
         "model.classes, model.widths, model.pools, model.padding, model.hidden, model.precision, "
         "model.he, model.libra, model.ede, model.rounded"),
        ("model.widths=[4]", "model.pools: [False, True, False, True], must be 1 values, "
         "one per width"),
        ("epoch=3", "epoch = 3: no such key; the keys are name, data, data_folder, seed, epochs, "
         "batch_size, learning_rate, momentum, weight_decay, label_smoothing, t_min, t_max, "
         "shift, flip, optimizer, schedule, milestones, warmup, nesterov, bf16, compile, start, "
         "teacher, teacher_share, decay_norms, threads, model"),
        ("epochs=many", 'epochs = "many": must be an integer'),
        ("epochs=0", "epochs: 0, must be at least 1"),
        ("name=../x", "name: '../x', must be letters, digits, '-', '_' and '.', "
         "and begin with a letter or digit"),
        ("data=svhn", "data: 'svhn', must be one of cifar10, cifar100, digits, folder, imagenet, "
         "mnist, super-resolution"),
        ("seed=-1", "seed: -1, must be from 0 to 4294967295"),
        ("batch_size=1", "batch_size: 1, must be at least 2 for batch normalisation"),
        ("learning_rate=0", "learning_rate: 0.0, must be above 0"),
        ("optimizer=rmsprop", "optimizer: 'rmsprop', must be one of sgd, adam"),
        ("data=super-resolution", "data: 'super-resolution', must be 'super-resolution' if and "
         "only if model.name is, which is 'vgg'"),
        ("momentum=1", "momentum: 1.0, must be at least 0 and below 1"),
        ("weight_decay=-1", "weight_decay: -1.0, must be at least 0"),
        ("label_smoothing=1", "label_smoothing: 1.0, must be at least 0 and below 1"),
        ("t_min=0", "t_min: 0.0, must be above 0"),
        ("t_max=0.01", "t_max: 0.01, must be at least t_min = 0.1"),
        ("shift=9", "shift: 9, must be from 0 to the image's 8 pixels"),
        ("threads=0", "threads: 0, must be from 1 to 1024"),
        ("schedule=linear", "schedule: 'linear', must be one of cosine, step"),
        ("schedule=step", "milestones: [], must list epochs if and only if schedule is 'step'"),
        ("milestones=[3]", "milestones: [3], must list epochs if and only if schedule is 'step'"),
        ("warmup=100", "warmup: 100, must be at least 0 and below epochs = 100"),
    ],
)  # fmt: skip
def test_refuses(assignment, message):
    with pytest.raises(UserError) as error:
        load_recipe("digits-vgg", [assignment])
    assert str(error.value) == f"{DIGITS} with --set: {message}"


def test_an_unknown_recipe_lists_the_known():
    known = ", ".join(sorted(path.stem for path in share("train").glob("*.toml")))
    with pytest.raises(UserError) as error:
        load_recipe("digits")
    assert str(error.value) == (
        f"--recipe digits: no such recipe; must be one of {known}, or the path of a .toml file"
    )


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError) as error:
        load_recipe(str(tmp_path / "a.toml"))
    assert str(error.value) == f"{tmp_path / 'a.toml'}: can't be read: No such file or directory"


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError) as error:
        load_recipe(str(path))
    assert str(error.value) == f"{path}: is not UTF-8 text, byte 0 is 0xff"


def test_a_missing_key(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(DIGITS.read_text().replace("epochs = ", "# "))
    with pytest.raises(UserError) as error:
        load_recipe(str(path))
    assert str(error.value) == f"{path}: epochs: is missing"


def test_the_rate_falls_along_half_a_cosine():
    recipe = load_recipe("digits-vgg", ["learning_rate=0.2", "epochs=4"])
    rates = [recipe.rate(epoch, 0.5) for epoch in range(4)]
    assert recipe.rate(0, 0) == 0.2
    assert recipe.rate(2, 0) == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert recipe.rate(3, 1) == pytest.approx(0)


def test_the_rate_falls_in_steps_after_a_warm_up():
    recipe = load_recipe(
        "digits-vgg", ["learning_rate=1", "schedule=step", "milestones=[30, 60]", "warmup=5"]
    )
    rates = [recipe.rate(*when) for when in [(0, 0), (2, 0.5), (5, 0), (29, 0.9), (30, 0), (60, 0)]]
    assert rates == pytest.approx([0, 0.5, 1, 1, 0.1, 0.01])


def test_milestones_ascend():
    with pytest.raises(UserError) as error:
        load_recipe("digits-vgg", ["schedule=step", "milestones=[60, 30]"])
    assert str(error.value) == (
        f"{DIGITS} with --set: milestones: [60, 30], must be above 0 and ascending"
    )


def test_rounded_constants_are_not_compiled():
    with pytest.raises(UserError, match=r"compile: true, must be false with model\.rounded$"):
        load_recipe("resnet20-rounded", ["compile=true"])


def test_only_the_hardware_precision_has_rounded_constants():
    with pytest.raises(UserError, match=r"model\.rounded: true, must be false with precision "):
        load_recipe("resnet20-rounded", ["model.precision=paper"])


def test_nesterov_needs_momentum():
    with pytest.raises(UserError) as error:
        load_recipe("digits-vgg", ["nesterov=true", "momentum=0"])
    assert str(error.value) == (
        f"{DIGITS} with --set: nesterov: true, must be false, as momentum is 0"
    )


@pytest.mark.parametrize(
    ("which", "assignment", "message"),
    [
        ("digits-vgg", "model.widths=[4, 100000]", "model.widths: 100000, must be at most 65536"),
        ("lfc", f"model.hidden={[1] * 257}", "model.hidden: 257 values, must be at most 256"),
        ("resnet20", "model.blocks=[3, 3, 300]", "model.blocks: [3, 3, 300], must be at most 256"),
    ],
)
def test_a_network_that_no_machine_holds(which, assignment, message):
    with pytest.raises(UserError) as error:
        load_recipe(which, [assignment])
    assert message in str(error.value)


def test_a_network_for_which_there_is_no_memory():
    huge = VGG("vgg", [8, 8, 1], 10, widths=[65536, 65536], pools=[True, True])
    with pytest.raises(UserError, match=r"^model: can't be built: "):
        build(huge)
