"""A tiny network with everything that the compiler handles, built as a user would build it."""

from pathlib import Path

from irnet_hw.compiler import build
from tests.compiler.graphs import Conv, Dense, Network, images

#: An 8-bit convolution, binary ones with padding, one with a pool before its affine chain, a
#: binary dense layer and an 8-bit one. With this seed the images differ in most signs and fall
#: into all classes.
TINY = Network(
    image=(6, 6, 2),
    layers=(Conv(4, bits=8), Conv(6, pool=2), Conv(4), Dense(8)),
    classes=3,
    seed=4,
)


def build_tiny(folder: Path, board: str = "pynq-z2", target_fps: float = 200_000.0) -> Path:
    """Build the accelerator of TINY in ``folder``/build."""
    model = folder / "tiny.onnx"
    TINY.build().save(str(model))
    build(model, board, folder / "build", target_fps)
    return folder / "build"


def tiny_images(count: int):
    return images(TINY, count)
