import pytest

from irnet_hw.errors import UserError
from irnet_hw.models import VGG, build
from irnet_hw.share import share
from irnet_hw.train import load_recipe, table
from irnet_hw.train.recipe import from_table

DIGITS = share("train") / "digits-vgg.toml"


def test_reads_by_name_and_by_path():
    recipe = load_recipe("digits-vgg")
    assert recipe == load_recipe(str(DIGITS))
    assert recipe.name == "digits-vgg"
    assert recipe.model == VGG(
        "vgg", [8, 8, 1], 10, widths=[32, 32, 64, 64], pools=[False, True, False, True]
    )


@pytest.mark.parametrize("path", sorted(share("train").glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_named_as_its_file(path):
    assert load_recipe(path.stem).name == path.stem


def test_every_recipe_survives_its_own_writing(tmp_path):
    """A run's folder keeps the recipe as used; it must be the same one when read again."""
    for path in share("train").glob("*.toml"):
        recipe = load_recipe(path.stem, ["data_folder=/somewhere"])
        written = tmp_path / path.name
        written.write_text(table.write(table.table(recipe)))
        assert load_recipe(str(written)) == recipe


def parameters(name):
    config = load_recipe(name).model
    return sum(parameter.numel() for parameter in build(config).parameters())


def test_vgg_small_has_the_published_parameters():
    """Six convolutions of 128 to 512 channels, their batch norms, and 8192 to 10."""
    weights = 9 * (3 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512)
    norms = 2 * 2 * (128 + 256 + 512)
    assert parameters("vgg-small") == weights + norms + 8192 * 10 + 10 == 4_660_106


def test_cnv_has_the_published_parameters():
    """The 1542848 weights of FINN's network, its batch norms, and the bias that it hasn't."""
    norms = 2 * (2 * (64 + 128 + 256) + 2 * 512)
    assert parameters("cnv") == 1_542_848 + norms + 10


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
        ("model.name=vggg", "model.name = 'vggg': must be one of resnet, vgg"),
        ("model.depth=3", "model.depth = 3: no such key; the keys are model.name, model.image, "
         "model.classes, model.widths, model.pools, model.padding, model.hidden, model.precision, "
         "model.he, model.libra, model.ede"),
        ("model.widths=[4]", "model.pools: [False, True, False, True], must have 1 values, "
         "as model.widths"),
        ("epoch=3", "epoch = 3: no such key; the keys are name, data, data_folder, seed, epochs, "
         "batch_size, learning_rate, momentum, weight_decay, label_smoothing, t_min, t_max, "
         "shift, flip, threads, model"),
        ("epochs=many", 'epochs = "many": must be an integer'),
        ("epochs=0", "epochs: 0, must be at least 1"),
        ("name=../x", "name: '../x', must be letters, digits, '-', '_' and '.', "
         "and begin with a letter or digit"),
        ("data=svhn", "data: 'svhn', must be one of cifar10, cifar100, digits, imagenet, mnist"),
        ("seed=-1", "seed: -1, must be from 0 to 4294967295"),
        ("batch_size=1", "batch_size: 1, must be at least 2 for batch normalisation"),
        ("learning_rate=0", "learning_rate: 0.0, must be above 0"),
        ("momentum=1", "momentum: 1.0, must be at least 0 and below 1"),
        ("weight_decay=-1", "weight_decay: -1.0, must be at least 0"),
        ("label_smoothing=1", "label_smoothing: 1.0, must be at least 0 and below 1"),
        ("t_min=0", "t_min: 0.0, must be above 0"),
        ("t_max=0.01", "t_max: 0.01, must be at least t_min = 0.1"),
        ("shift=9", "shift: 9, must be from 0 to the image's 8 pixels"),
        ("threads=0", "threads: 0, must be from 1 to 1024"),
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
        f"--recipe digits: no such recipe; the recipes are {known}, "
        "and the path of a .toml file is one too"
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
    assert str(error.value) == f"{path}: can't be read: is no text"


def test_a_missing_key(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(DIGITS.read_text().replace("epochs = ", "# "))
    with pytest.raises(UserError) as error:
        load_recipe(str(path))
    assert str(error.value) == f"{path}: epochs: is missing"
