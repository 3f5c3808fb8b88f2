"""A tiny network with everything that the compiler handles, built as a user would build it."""

from pathlib import Path

from irnet_hw.compiler.pipeline import build
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

#: As little as the compiler takes, for what is slow.
LEAST = Network(image=(4, 4, 1), layers=(Conv(2, bits=8),), classes=2)


def build_network(network: Network, folder: Path, board: str = "pynq-z2") -> Path:
    """Build a network's accelerator in ``folder``/build."""
    model = folder / "network.onnx"
    network.build().save(str(model))
    build(model, board, folder / "build", target_fps=200_000.0)
    return folder / "build"


def tiny_images(count: int):
    return images(TINY, count)
