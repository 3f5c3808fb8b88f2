import json
import resource
import shutil
import signal

import onnx
import pytest
from onnx import helper

from tests.compiler.given import Given
from tests.compiler.residual_graphs import Residual

BUILD = ("build", "--board", "pynq-z2", "--out", "built")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is not an ONNX file, or it is damaged or truncated"),
        (lambda data: b"\xff" * 100, "is not an ONNX file, or it is damaged or truncated"),  # noqa: ARG005
        (
            lambda data: b"",  # noqa: ARG005
            "has 0 nodes, 0 inputs and 0 outputs; a network with 1 input and 1 output is needed",
        ),
    ],
    ids=["cut", "other", "empty"],
)
def test_damaged_model(shell, damage, message):
    (shell.folder / "bad.onnx").write_bytes(damage((shell.folder / "model.onnx").read_bytes()))
    assert shell.fails(*BUILD, "bad.onnx") == f"bad.onnx: {message}"


def test_missing_model(shell):
    assert shell.fails(*BUILD, "none.onnx") == (
        "none.onnx: can't be read: No such file or directory"
    )


def test_unsupported_layer(shell):
    model = onnx.load(shell.folder / "model.onnx")
    node = model.graph.node[-1]
    node.output[0] = "before"
    model.graph.node.append(helper.make_node("Hardmax", ["before"], ["logits"], name="hardmax"))
    onnx.save(model, shell.folder / "bad.onnx")
    assert shell.fails(*BUILD, "bad.onnx").startswith("bad.onnx: node hardmax (Hardmax): is not ")


def test_op_of_another_domain(shell):
    model = onnx.load(shell.folder / "model.onnx")
    node = next(node for node in model.graph.node if node.name == "conv1_sign")
    node.op_type = "Trunc"
    onnx.save(model, shell.folder / "bad.onnx")
    assert shell.fails(*BUILD, "bad.onnx").startswith(
        "bad.onnx: node conv1_sign (Trunc): is of domain qonnx.custom_op.general; only "
    )


def signs():
    return Given(1, 1, 6, 6).op("Sub", 128.0).conv(2)


def odd_sum(first, second):
    """Signs of the sum of two branches; a quantizer of a scale is at the end of each."""
    start, ends = signs().sign(), []
    place = start.here
    for scale in (first, second):
        start.back(place).conv(2).norm()
        ends.append((start.quant(8, scale) if scale else start).here)
    return start.add(ends[0]).norm().quant(4, 0.5)


def two_floats():
    net = signs().norm().sign()
    start = net.here
    net.conv(2).norm()
    one = net.here
    return net.back(start).conv(2).norm().add(one).sign()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda: signs().op("Mul", 0.3).conv(2).sign(),
            "tensor mul3_out, of node mul3 (Mul): takes 2,302 values, -345.6 to 344.7, which are "
            "not integers of up to 8 bits times a power of two; put a quantizer behind it, such as "
            "QuantIdentity",
        ),
        (
            lambda: signs().node("Abs").op("Sub", 9.0).sign(),
            "node bipolarquant5 (BipolarQuant): rises and falls in channel 0 as the sums of conv2 "
            "rises; must be monotone in each channel",
        ),
        (
            lambda: Given(1, 2, 6, 6).quant(4, [0.1, 0.2]).conv(2).sign(),
            "node quant0 (Quant): scale of shape [1, 2, 1, 1], must be one for all channels",
        ),
        (
            two_floats,
            "node add11 (Add): adds two results that are not quantized; put a quantizer, such as "
            "QuantIdentity, on at least one of them",
        ),
        (
            lambda: odd_sum(0.3, None),
            "node add11 (Add): adds quant7_out, whose scale is not a power of two, to a result "
            "that is not quantized; quantize that, too, best with the same quantizer (one "
            "QuantIdentity, called twice)",
        ),
        (
            lambda: odd_sum(0.03, 1e5),
            "node add12 (Add): adds quant11_out and quant7_out, whose scales differ too oddly for "
            "a sum of integers; let one quantizer make both (one QuantIdentity, called twice)",
        ),
        (
            lambda: signs().norm().sign().pool("AveragePool", 3, 1, 1, count_include_pad=0).sign(),
            "node averagepool5 (AveragePool): count_include_pad = 0, must be 1 if it is padded",
        ),
        (
            lambda: signs().norm().flatten().norm().sign(),
            "node batchnormalization5 (BatchNormalization): has other constants for each pixel, "
            "because it stands behind a flattening; put a quantizer before the flattening",
        ),
    ],
    ids=[
        "wide",
        "not monotone",
        "scales",
        "floats added",
        "half quantized",
        "odd scales",
        "average",
        "flattened",
    ],
)
def test_what_cannot_be_integers(shell, write, message):
    net = write()
    if len(net.shape) > 2:
        net.flatten()
    net.dense(2).model().save(str(shell.folder / "bad.onnx"))
    assert shell.fails(*BUILD, "bad.onnx") == f"bad.onnx: {message}"


def test_damaged_golden_vectors(shell):
    (shell.folder / "golden.npz").write_bytes(b"PK\x03\x04")
    assert shell.fails(*BUILD, "model.onnx").startswith("golden.npz: is not a zip file")


def test_unknown_board(shell):
    assert shell.fails("build", "--board", "pynq-z3", "model.onnx") == (
        "board: pynq-z3, must be one of aup-zu3, kv260, pynq-z2, zcu104"
    )


def test_rate_out_of_reach(shell):
    message = shell.fails(*BUILD, "--target-fps", "1e9", "model.onnx")
    assert message == (
        "target-fps: 1e+09 leaves 0 cycles for a frame at 100 MHz, and "
        "layer SlidingWindow_rtl_0 (3x3 "
        "windows of 4x4 pixels, 1 channel) takes at least 20; must be at most 5000000"
    )


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_rate_that_is_none(shell, rate):
    assert shell.fails(*BUILD, "--target-fps", rate, "model.onnx") == (
        f"target-fps: {rate}, must be a number above 0"
    )


def test_two_rates(shell):
    assert shell.fails(*BUILD, "--max-fps", "--target-fps", "100", "model.onnx") == (
        "max-fps: excludes --target-fps; give one of them"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, "none.json: can't be read: No such file or directory"),
        (
            "folds.json",
            json.dumps({"IntMVAU_rtl_0": {"PE": 3}}),
            "folds.json: IntMVAU_rtl_0: PE = 3, must be one of 1, 2",
        ),
        (
            "folds.json",
            json.dumps(
                {
                    "SlidingWindow_rtl_1": {"SIMD": 1, "parallel_window": 1},
                    "BinaryMVAU_rtl_0": {"SIMD": 2},
                }
            ),
            "folding-config: SlidingWindow_rtl_1 (SIMD = 1, parallel_window = 1) feeds "
            "BinaryMVAU_rtl_0 (SIMD = 2) directly, and no fold of the one suits the other's; "
            "must leave lanes and parallel_window that agree",
        ),
    ],
    ids=["missing", "fold", "pair"],
)
def test_wrong_folding_config(shell, accelerator, name, content, message):
    """The existing accelerator stays as it is."""
    shutil.copytree(accelerator / "built", shell.folder / "built")
    if content is not None:
        (shell.folder / name).write_text(content)
    assert shell.fails(*BUILD, "--folding-config", name, "model.onnx") == message


def test_skip_connection_that_is_none(shell):
    model = Residual(image=(4, 4, 1), widths=(2, 4)).build().model
    node = next(node for node in model.graph.node if node.name == "unit1_join")
    node.input[1] = node.input[0]
    onnx.save(model, shell.folder / "bad.onnx")
    message = shell.fails(*BUILD, "bad.onnx")
    assert message.startswith("bad.onnx: node unit1_join (Add): adds "), message


def test_file_in_the_folders_place(shell):
    (shell.folder / "built").write_text("mine")
    assert shell.fails(*BUILD, "model.onnx") == (
        "built: is a file, but must be a folder or not exist"
    )


def test_folder_that_is_the_users(shell):
    (shell.folder / "built").mkdir()
    (shell.folder / "built" / "thesis.txt").write_text("mine")
    assert shell.fails(*BUILD, "model.onnx") == (
        "built: contains files, but is not as irnet-hw build wrote it (built/manifest.json: can't "
        "be read: No such file or directory; must be in a folder made by irnet-hw build); choose "
        "another folder, or write into it with --force"
    )


def test_folder_that_cannot_be_written(shell):
    assert shell.fails("build", "--board", "pynq-z2", "--out", "/proc/built", "model.onnx") == (
        "/proc/built: can't be written: No such file or directory"
    )


def test_full_disk(shell):
    """Files are limited to 1000 bytes: the closest thing to a full disk that works without root."""
    message = shell.fails(
        *BUILD,
        "model.onnx",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert message.startswith("built: can't be written: File too large")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_interrupted_build_leaves_the_earlier_one(shell, number, code):
    first = shell.start(*BUILD, "model.onnx")
    assert first.wait(timeout=300) == 0
    before = shell.files()
    process = shell.start(*BUILD, "--target-fps", "100000", "model.onnx")
    for line in process.stderr:  # once the folder is begun
        if line.startswith("  writing the RTL") or "folding" in line:
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == code
    assert "Traceback" not in err
    assert shell.files() == before


def test_interrupted_first_build_leaves_nothing(shell):
    before = shell.files()
    process = shell.start(*BUILD, "model.onnx")
    assert process.stderr.readline() == "building model.onnx for pynq-z2\n"
    assert process.stderr.readline() == "  checking the network\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert shell.files() == before


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines", "'two\\nlines'"),
        ("\x1b[31mred", "'\\x1b[31mred'"),
        ("n" * 5000, "n" * 200 + "..."),
    ],
    ids=["line", "escape", "long"],
)
def test_names_are_printed_safely(shell, name, shown):
    model = onnx.load(shell.folder / "model.onnx")
    node = next(node for node in model.graph.node if node.name == "conv1_mul")
    node.op_type, node.name = "Sum", name
    onnx.save(model, shell.folder / "bad.onnx")
    message = shell.fails(*BUILD, "bad.onnx")
    assert message.startswith(f"bad.onnx: node {shown} (Sum): is not supported; "), message


def test_metadata_of_another_form(shell):
    model = onnx.load(shell.folder / "model.onnx")
    model.graph.metadata_props.add(key="irnet_hw", value='{"labels": [1]}')
    onnx.save(model, shell.folder / "bad.onnx")
    assert shell.fails(*BUILD, "bad.onnx") == (
        "bad.onnx: metadata irnet_hw: labels[0] = 1, must be a string"
    )


def test_path_that_is_no_file(shell):
    assert shell.fails(*BUILD, "/dev/zero") == (
        "/dev/zero: is a pipe, socket or device, must be a file"
    )
