import pytest

from irnet_hw.errors import UserError
from irnet_hw.report.runs import read_run
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe
from tests.report.runs import LAYERS, METRICS, WEIGHTS, write_run


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run")


def refusal(folder):
    with pytest.raises(UserError) as error:
        read_run(folder)
    return str(error.value)


def changed(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


def test_reads_what_training_writes(tmp_path):
    recipe = load_recipe(
        "digits-vgg",
        ["epochs=2", "batch_size=256", "model.widths=[4,4]", "model.pools=[true,true]"],
    )
    train(recipe, tmp_path)
    run = read_run(tmp_path)
    assert run.recipe == recipe
    assert list(run.metrics) == METRICS
    assert run.metrics["epoch"] == [1, 2]
    (layer,) = run.layers
    assert (layer.name, layer.weights) == ("block1.conv", 4 * 4 * 9)
    assert layer.entropy == pytest.approx(run.metrics["weight_entropy"])
    assert layer.flipped == pytest.approx(run.metrics["flip_rate"])


def test_reads_every_layer_of_every_epoch(folder):
    run = read_run(folder)
    assert {layer.name: layer.weights for layer in run.layers} == LAYERS
    for layer in run.layers:
        assert layer.flipped == [0.1, 0.05, 0.1 / 3, 0.0]


@pytest.mark.parametrize("file", ["metrics.csv", "weights.csv"])
def test_leaves_out_an_epoch_that_only_one_file_has(tmp_path, file):
    folder = write_run(tmp_path / "run", 3)
    (folder / file).write_bytes((write_run(tmp_path / "ahead", 4) / file).read_bytes())
    run = read_run(folder)
    assert run.metrics["epoch"] == [1, 2, 3]
    assert all(len(layer.entropy) == len(layer.flipped) == 3 for layer in run.layers)


def test_a_mean_of_ones_may_be_rounded_above_1(folder):
    changed(folder / "metrics.csv", "0.99,", "1.0000000000000002,")
    assert read_run(folder).metrics["weight_entropy"][0] > 1


def test_a_network_without_1_bit_layers(folder):
    (folder / "weights.csv").write_text(",".join(WEIGHTS) + "\n")
    run = read_run(folder)
    assert run.layers == []
    assert run.metrics["epoch"] == [1, 2, 3, 4]


def test_a_folder_that_is_none(tmp_path):
    folder = tmp_path / "no"
    assert refusal(folder) == (
        f"{folder}: is not a folder, must be a run's folder from irnet-hw train"
    )


@pytest.mark.parametrize("file", ["recipe.toml", "metrics.csv", "weights.csv"])
def test_a_missing_file(folder, file):
    (folder / file).unlink()
    assert refusal(folder) == f"{folder / file}: can't be read: No such file or directory"


@pytest.mark.parametrize("file", ["metrics.csv", "weights.csv"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "is not UTF-8 text, byte 0 is 0xff"),
        (b'epoch,"layer', "is not a CSV file: unexpected end of data"),
    ],
)
def test_a_damaged_file(folder, file, content, reason):
    (folder / file).write_bytes(content)
    assert refusal(folder) == f"{folder / file}: {reason}"


def test_an_empty_file(folder):
    (folder / "metrics.csv").write_text("")
    assert refusal(folder) == (
        f"{folder / 'metrics.csv'}: has columns [], must have those that irnet-hw train writes, "
        f"[{', '.join(METRICS)}]"
    )


def test_foreign_columns(folder):
    changed(folder / "weights.csv", "entropy", "chaos")
    assert refusal(folder) == (
        f"{folder / 'weights.csv'}: has columns [epoch, layer, weights, chaos, flipped], must have "
        "those that irnet-hw train writes, [epoch, layer, weights, entropy, flipped]"
    )


def test_a_line_cut_short(folder):
    changed(folder / "metrics.csv", ",1004", "")
    assert refusal(folder) == f"{folder / 'metrics.csv'}: line 5 has 9 values, must be 10"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.75", "much", "line 3: test_accuracy = 'much', must be a number from 0 to 1"),
        ("0.75", "75", "line 3: test_accuracy = '75', must be a number from 0 to 1"),
        ("0.75", "nan", "line 3: test_accuracy = 'nan', must be a number from 0 to 1"),
        ("1002", "inf", "line 3: images_per_second = 'inf', must be a finite number of at least 0"),
        ("\n1,", "\n1.5,", "line 2: epoch = '1.5', must be an integer of at least 1"),
        ("\n2,", "\n3,", "its epochs must be 1, 2, 3 and so on, one row each"),
    ],
)
def test_values_that_can_not_be(folder, old, new, message):
    path = folder / "metrics.csv"
    changed(path, old, new)
    assert refusal(folder) == f"{path}: {message}"


def test_no_epoch_yet(folder):
    path = folder / "metrics.csv"
    path.write_text(",".join(METRICS) + "\n")
    assert refusal(folder) == f"{path}: its epochs must be 1, 2, 3 and so on, one row each"


def test_more_epochs_than_the_recipe_has(tmp_path):
    folder = write_run(tmp_path / "run", 6)
    assert refusal(folder) == (
        f"{folder / 'metrics.csv'}: has 6 epochs, must be at most 5, as in recipe.toml"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2,block1.conv", "2,block9.conv"),
        ("2,block1.conv,9216", "2,block1.conv,9217"),
        ("3,block1.conv", "4,block1.conv"),
    ],
)
def test_layers_that_are_not_the_same_in_every_epoch(folder, old, new):
    path = folder / "weights.csv"
    changed(path, old, new)
    assert refusal(folder) == (
        f"{path}: its epochs must be 1, 2, 3 and so on, each with a row for every layer, in the "
        "same order, with the same number of weights"
    )


def test_files_of_different_runs(tmp_path):
    folder = write_run(tmp_path / "run", 2)
    (folder / "weights.csv").write_bytes((write_run(tmp_path / "b") / "weights.csv").read_bytes())
    assert refusal(folder) == (
        f"{folder / 'weights.csv'}: has 4 epochs, must be as many as in metrics.csv, 2"
    )


def test_a_recipe_that_is_none(folder):
    changed(folder / "recipe.toml", "epochs = 5", 'epochs = "5"')
    assert refusal(folder) == f'{folder / "recipe.toml"}: epochs = "5": must be an integer'
