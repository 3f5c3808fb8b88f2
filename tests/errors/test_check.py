from tests.compiler.given import Given


def test_a_network_that_cannot_be_built(shell):
    net = Given(1, 1, 7, 7).conv(2).norm(gamma=0.3, beta=0.0, mean=0.0, var=1.0)
    net.conv(2, kind="zero").norm().sign().node("Hardmax", axis=1).flatten().dense(2)
    net.model().save(str(shell.folder / "bad.onnx"))
    process = shell.start("check", "bad.onnx")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    assert err.splitlines() == [
        "1. tensor batchnormalization2_out, of node batchnormalization2 (BatchNormalization): "
        "takes 3,826 values, -458.998 to 688.497, which are not integers of up to 8 bits times a "
        "power of two; put a quantizer behind it, such as QuantIdentity",
        "2. node hardmax7 (Hardmax): is not supported; docs/reference/qonnx.md lists what is",
        "error: bad.onnx: can't be built because of 2 problems",
    ]


def test_a_missing_file(shell):
    assert shell.fails("check", "none.onnx") == (
        "none.onnx: can't be read: No such file or directory"
    )


def test_a_scale_that_is_none(shell):
    assert shell.fails("check", "--input-scale", "1:255", "model.onnx") == (
        "input-scale: 1:255, must be a number or a fraction, such as 1/255"
    )
