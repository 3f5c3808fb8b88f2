import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import onnx
import pytest
import torch
from brevitas import nn as qnn
from click.testing import CliRunner
from torch import nn

import irnet_hw
from irnet_hw import export_module, spec
from irnet_hw.artifact.names import MODEL
from irnet_hw.cli.export import command
from irnet_hw.compiler.front import problems
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.export import prove, traced
from irnet_hw.models.blocks import Activations
from irnet_hw.quant import EDEActQuant, LibraWeightQuant
from irnet_hw.runtime import Accelerator
from tests.export.module_networks import IMAGE, NETWORKS, few_bits, first, libra, made, sign, vgg

COUNT = 70  # more than a batch


def images(shape, count=COUNT):
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


def outputs(network, pixels, scale):
    """What the module gives, without any of the exporter."""
    x = torch.from_numpy(np.moveaxis(pixels, -1, 1).astype(np.float32))
    network.eval()
    with torch.inference_mode():
        return getattr(y := network(x / 255 if scale != 1 else x), "value", y).numpy()


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    network = made(request.param)
    _, shape, scale = NETWORKS[request.param]
    pixels = images(shape)
    found = export_module(
        network,
        pixels,
        folder,
        scale,
        labels=["a", "b", "c", "d", "e"][: len(outputs(network, pixels[:1], scale)[0])],
    )
    return request.param, network, pixels, scale, found


def test_the_file_is_the_module(exported):
    kind, network, pixels, scale, found = exported
    model = spec.load(found.model)
    x = spec.entry(model, pixels.reshape(len(pixels), *spec.image_shape(model)))
    (file,) = spec.Runner(model).run(x if scale == 1 else x / np.float32(255)).values()
    right = outputs(network, pixels, scale)
    if kind in ("mlp", "few_bits"):  # scales other than powers of two
        assert np.allclose(file, right, rtol=0, atol=1e-5)
    else:
        assert np.array_equal(file, right)
    assert (file.argmax(1) == right.argmax(1)).all()


def test_the_summary_lists_every_quantizer_and_the_output(exported):
    kind, network, pixels, _, found = exported
    assert found.summary == json.loads(found.model.with_name("export.json").read_text())
    layers = {layer["tensor"]: layer["values"] for layer in found.summary["layers"]}
    *quantizers, last = layers
    assert last == "logits"
    assert layers["logits"] == len(pixels) * (3 if kind == "signals" else 5)
    acts = [
        path
        for path, module in network.named_modules()
        if isinstance(module, qnn.QuantIdentity | qnn.QuantReLU)
    ]
    assert quantizers == acts


def test_metadata_and_golden_vectors(exported):
    _, network, pixels, scale, found = exported
    model = spec.load(found.model)
    metadata = spec.metadata(model)
    assert metadata["name"] == type(network).__name__
    assert metadata["input_scale"] == ("1" if scale == 1 else "1/255")
    assert metadata["labels"][0] == "a"
    assert {"brevitas", "torch", "irnet-hw"} <= metadata["versions"].keys()
    golden = np.load(found.golden)
    assert np.array_equal(golden["images"].reshape(-1, *pixels.shape[1:]), pixels[:8])
    assert np.allclose(golden["logits"], outputs(network, pixels[:8], scale), rtol=0, atol=1e-5)
    assert set(golden.files) == {"images", *(layer["tensor"] for layer in found.summary["layers"])}


def test_it_is_built_and_checked(exported, tmp_path, capsys):
    *_, found = exported
    assert problems(found.model) == []
    build(found.model, "pynq-z2", tmp_path / "built", 1000)
    assert "0 differences" in capsys.readouterr().err


def test_the_mode_and_the_weights_stay(exported, tmp_path):
    _, network, pixels, scale, _ = exported
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_module(network, pixels[:2], tmp_path, scale)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    network.eval()


def test_a_second_export_has_the_weights_of_then(tmp_path):
    network = made("vgg")
    pixels = images(IMAGE, 5)
    export_module(network, pixels, tmp_path)
    with torch.no_grad():
        network[4].weight.neg_()
    found = export_module(network, pixels, tmp_path)
    assert np.array_equal(np.load(found.golden)["logits"], outputs(network, pixels, 1))


@pytest.mark.simulation
def test_on_the_simulated_board(tmp_path):
    network = made("few_bits")
    pixels = images(IMAGE, 6)
    found = export_module(network, pixels, tmp_path / "net.onnx", "1/255")
    assert found.model == tmp_path / "net.onnx"
    build(found.model, "pynq-z2", tmp_path / "built", 1000)
    with Accelerator(tmp_path / "built", device="sim") as accelerator:
        classes = accelerator.predict(pixels)
    (expected,) = spec.run(spec.load(tmp_path / "built" / MODEL), pixels).values()
    assert np.array_equal(classes, expected.argmax(1))
    assert np.array_equal(classes, outputs(network, pixels, "1/255").argmax(1))


def test_padding_by_modules_and_functions(tmp_path):
    """PyTorch writes their widths as nodes that compute them."""

    class Subsampled(nn.Module):
        def forward(self, x):
            return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))

    network = nn.Sequential(
        *(nn.ZeroPad2d((1, 0, 0, 1)), first(4), nn.BatchNorm2d(4), sign(), Subsampled()),
        *(libra(6, 4), nn.BatchNorm2d(4), sign(), nn.Flatten()),
        qnn.QuantLinear(64, 3, bias=False, weight_quant=LibraWeightQuant),
    )
    found = export_module(network, images(IMAGE, 5), tmp_path)
    assert np.array_equal(np.load(found.golden)["logits"], outputs(network, images(IMAGE, 5), 1))
    ops = {node.op_type for node in spec.load(found.model).graph.node}
    assert "Pad" in ops
    assert "ConstantOfShape" not in ops
    assert problems(found.model) == []


def test_layers_with_a_forward_of_their_own(tmp_path):
    network = with_layer(3, Activations(act_quant=EDEActQuant))
    found = export_module(network, images(IMAGE, 5), tmp_path)
    assert found.summary["layers"][0]["name"] == "3 (Activations)"


# ------------------------------------------------------------------ what is refused


def with_layer(number, layer):
    network = made("vgg")
    network[number] = layer
    return network


class Dropping(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x)


class Fourier(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).real


def half_in_train_mode():
    network = made("vgg").eval()
    network[9].train()
    return network


def on_another_device():
    network = made("vgg")
    network[4].to("meta")
    return network


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (
            lambda: with_layer(4, nn.Conv2d(4, 8, 3, padding=1, bias=False)),
            ["node 4 (Conv)", "torch.nn.Conv2d", "brevitas.nn.QuantConv2d(4, 8, kernel_size=(3, 3"],
        ),
        (
            lambda: with_layer(10, nn.Linear(72, 5)),
            ["10 is a torch.nn.Linear", "brevitas.nn.QuantLinear(in_features=72, out_features=5"],
        ),
        (
            lambda: with_layer(7, nn.Softplus()),
            ["7 is a Softplus", "put brevitas.nn.QuantIdentity(bit_width=4) behind it"],
        ),
        (
            lambda: with_layer(4, qnn.QuantConv2d(4, 8, 3, padding=1, weight_quant=None)),
            ["4 is a QuantConv2d with weight_quant=None: leave that out"],
        ),
        (lambda: with_layer(6, nn.GELU()), ["6 is a GELU", "replace it by torch.nn.ReLU()"]),
        (lambda: with_layer(6, nn.LayerNorm(3)), ["6 is a LayerNorm", "torch.nn.BatchNorm2d"]),
        (lambda: with_layer(6, Fourier()), ["6 (Fourier): can't be exported", "fft"]),
        (lambda: with_layer(9, Dropping()), ["9 (Dropping)", "training=self.training"]),
        (half_in_train_mode, ["9 (Dropout)", "train mode", "module.eval()"]),
        (on_another_device, ["4.weight", "meta", "module.cpu()"]),
        (lambda: made("vgg").double(), ["1.weight", "float64", "module.float()"]),
        (lambda: with_layer(10, nn.LSTM(72, 5)), ["Sequential", "tuple", "one tensor"]),
        (
            lambda: with_layer(10, qnn.QuantLinear(9, 5, bias=True)),
            ["10 (QuantLinear)", "can't run", "[3, 6, 6, 1]", "[3, 1, 6, 6]"],
        ),
        (lambda: "vgg", ["module", "str", "torch.nn.Module"]),
    ],
)
def test_modules_that_are_refused(network, parts, tmp_path, capfd):
    with pytest.raises(UserError) as caught:
        export_module(network(), images(IMAGE, 3), tmp_path / "out")
    for part in parts:
        assert part in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert "Torch IR graph" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("pixels", "scale", "parts"),
    [
        (images(IMAGE, 3) / 255, 1, ["images", "float64", "uint8", "input_scale"]),
        (images((6, 6), 3), 1, ["[3, 6, 6]", "images[..., np.newaxis]"]),
        (images((5, 6, 1), 3), 1, ["10 (QuantLinear)", "[3, 5, 6, 1]"]),
        (images((6, 6, 3), 3), 1, ["1 (QuantConv2d)", "[3, 3, 6, 6]"]),
        (images(IMAGE, 0), 1, ["[0, 6, 6, 1]", "at least one"]),
        (torch.zeros(3, 6, 6, 1), 1, ["Tensor", "NumPy"]),
        (images(IMAGE, 3), "half", ["input_scale", "half", "1/255"]),
        (images(IMAGE, 3), 0, ["input_scale", "above 0"]),
    ],
)
def test_images_and_scales_that_are_refused(pixels, scale, parts, tmp_path):
    with pytest.raises(UserError) as caught:
        export_module(made("vgg"), pixels, tmp_path / "out", scale)
    for part in parts:
        assert part in str(caught.value)
    assert not (tmp_path / "out").exists()


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.sign = sign()
        self.left, self.right = (nn.Conv2d(1, 2, 3, bias=False) for _ in range(2))
        self.dense = qnn.QuantLinear(32, 3, bias=False)

    def forward(self, x):
        x = self.sign(x)
        return self.dense((self.left(x) + self.right(x)).flatten(1))


def test_all_problems_are_named_at_once(tmp_path):
    with pytest.raises(UserError, match=r"2 problems: 1\. node left .*2\. node right"):
        export_module(Branches(), images(IMAGE, 3), tmp_path)


def test_labels_are_as_many_as_outputs(tmp_path):
    with pytest.raises(UserError, match="labels: 2, must be 5"):
        export_module(made("vgg"), images(IMAGE, 3), tmp_path, labels=["a", "b"])


def test_a_failed_export_leaves_the_module_as_it_was(tmp_path):
    network = with_layer(6, Fourier())
    pixels = images(IMAGE, 3)
    before = outputs(network, pixels, 1)
    with pytest.raises(UserError):
        export_module(network, pixels, tmp_path)
    assert np.array_equal(outputs(network, pixels, 1), before)


# ------------------------------------------------------------------ what the proof sees


def changed(kind, change):
    """A network, and its graph with something changed in it."""
    network = made(kind).eval()
    x = np.moveaxis(images(IMAGE, 5), -1, 1).astype(np.float32)
    graph = traced.trace(network, torch.from_numpy(x[:1]))
    change(graph.model)
    return network, graph, x


def test_another_weight_is_seen_where_it_is():
    def change(model):
        (node,) = [node for node in model.graph.node if node.name == "blocks.0.conv.weight_quant"]
        weight = model.get_initializer(node.input[0]).copy()
        weight[0] *= -1
        model.set_initializer(node.input[0], weight)

    with pytest.raises(UserError, match=r"^blocks\.0\.stream \(QuantIdentity\): .*before it"):
        prove.prove(*changed("residual", change))


def test_another_scale_of_an_activation_is_seen():
    def change(model):
        (node,) = [node for node in model.graph.node if node.name == "stream"]
        scale = model.get_initializer(node.input[1])
        model.set_initializer(node.input[1], scale * np.float32(1.001))

    with pytest.raises(UserError, match=r"^stream \(QuantIdentity\): for equal inputs"):
        prove.prove(*changed("residual", change))


def test_a_difference_a_little_above_rounding_is_seen():
    def change(model):
        (node,) = [node for node in model.graph.node if node.name == "1"]
        name = node.input[1]  # BatchNorm's factors
        model.set_initializer(name, model.get_initializer(name) * np.float32(1 + 2**-10))

    network, graph, x = changed("few_bits", lambda _: None)
    prove.prove(network, graph, x)
    change(graph.model)
    with pytest.raises(UserError, match=r"^2 \(QuantReLU\): .*rounding explains only"):
        prove.prove(network, graph, x)


def test_a_network_for_one_image_at_a_time(tmp_path):
    network = nn.Sequential(*vgg()[:8], Row(), *vgg()[9:])
    export_module(network, images(IMAGE, 3), tmp_path)


class Row(nn.Module):
    def forward(self, x):
        return x.reshape(1, -1)


# ------------------------------------------------------------------ the command


PROGRAM = """
import numpy as np
from tests.export.module_networks import made

def network():
    return made("vgg")

def both():
    return made("vgg"), np.zeros((2, 6, 6, 1), np.uint8)

def broken():
    return [][1]
"""


def run(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)))


@pytest.fixture
def program(tmp_path, monkeypatch):
    (tmp_path / "my_program.py").write_text(PROGRAM)
    np.savez(tmp_path / "images.npz", images=images(IMAGE, 3))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_program", raising=False)
    return tmp_path


def test_command(program):
    result = run("--module", "my_program:network", "--images", "images.npz", "--input-scale", "1/2")
    assert result.exit_code == 0, result.exception
    assert "network/model.onnx: can be built" in result.stderr
    model = spec.load(program / "network" / "model.onnx")
    assert spec.metadata(model)["name"] == "network"
    assert Fraction(spec.metadata(model)["input_scale"]) == Fraction(1, 2)


def test_command_with_the_functions_own_images(program):
    result = run("--module", "my_program:both", "--out", "mine")
    assert result.exit_code == 0, result.exception
    assert len(np.load(program / "mine" / "golden.npz")["images"]) == 2


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["either a checkpoint or --module"]),
        (["--module", "my_program"], ["my_program", "PACKAGE.FILE:FUNCTION"]),
        (["--module", "elsewhere:network"], ["there is no elsewhere"]),
        (["--module", "my_program:other"], ["my_program has no function other"]),
        (["--module", "my_program:network"], ["--images: must be given"]),
        (["--module", "my_program:broken"], ["IndexError", "my_program.py, line 12"]),
        (["--module", "my_program:network", "--data-folder", "x"], ["--data-folder"]),
        (["last.pt", "--images", "images.npz"], ["--images", "for --module only"]),
        (["--module", "my_program:network", "--images", "no.npz"], ["no.npz"]),
    ],
)
def test_command_refuses(program, arguments, parts):
    result = run(*arguments)
    assert isinstance(result.exception, UserError)
    for part in parts:
        assert part in str(result.exception)
    assert sorted(path.name for path in program.iterdir() if path.suffix in ("", ".onnx")) in (
        [],
        ["__pycache__"],
    )


def test_importing_the_package_imports_no_torch():
    script = "import irnet_hw, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "False False\n"
    assert irnet_hw.export_module is export_module
    with pytest.raises(AttributeError, match="nothing"):
        _ = irnet_hw.nothing


def test_other_files_are_not_overwritten(tmp_path):
    (tmp_path / "model.onnx").write_text("mine")
    with pytest.raises(UserError, match=r"model\.onnx: was not written by irnet-hw"):
        export_module(few_bits(), images(IMAGE, 2), tmp_path, "1/255")
    export_module(few_bits(), images(IMAGE, 2), tmp_path, "1/255", force=True)
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=False)
