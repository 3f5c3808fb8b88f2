"""The cocotb test in each accelerator's folder, for the user's own CI.

It needs the folder and packages from PyPI, but not irnet-hw.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import COCOTB
from irnet_hw.files import holds_arrays, is_sealed, sealed
from irnet_hw.runtime.frames import Frames
from irnet_hw.share import share
from irnet_hw.spec import channels_last

#: At most this many images become golden vectors, because cocotb simulates slowly.
IMAGES = 16
_FILES = ("Makefile", "accelerator_bench.py", "test_accelerator.py")
#: The checks that tell whether the files are ours and unchanged.
KNOWN = {
    **{f"{COCOTB}/{name}": is_sealed for name in _FILES},
    f"{COCOTB}/golden.npz": holds_arrays("images", "frames", "logits"),
}


def write_testbench(
    folder: Path,
    images: npt.NDArray[np.uint8],
    logits: npt.NDArray[np.float32],
    manifest: Manifest,
) -> None:
    """Write the test with its golden vectors.

    Args:
        folder: the accelerator's.
        images: uint8 [N, ...]; the first ones are used.
        logits: of these images, from the QONNX run: the tensor that the output stream carries.
        manifest: the accelerator's.
    """
    images, logits = images[:IMAGES], logits[:IMAGES]
    target = folder / COCOTB
    target.mkdir()
    for name in _FILES:
        (target / name).write_text(sealed((share("testbench") / name).read_text(), "#"))
    np.savez(
        target / "golden.npz",
        allow_pickle=False,
        images=images,
        frames=Frames(manifest).of(images),
        logits=channels_last(logits).reshape(len(images), *manifest.output.shape),
    )
