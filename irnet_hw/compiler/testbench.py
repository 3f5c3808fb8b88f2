"""The cocotb test that each accelerator's folder holds, for the user's own CI.

It needs the folder and packages from PyPI, but not irnet-hw.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.share import share

#: In an accelerator's folder.
FOLDER = "cocotb"
#: At most this many images become golden vectors, as cocotb simulates slowly.
IMAGES = 16
_FILES = ("Makefile", "accelerator_bench.py", "test_accelerator.py")


def write_testbench(
    folder: Path,
    images: npt.NDArray[np.uint8],
    logits: npt.NDArray[np.float32],
    output: Mapping[str, Any],
) -> None:
    """Write the test with its golden vectors.

    Args:
        folder: the accelerator's.
        images: uint8 [N, height, width, channels]; the first are taken.
        logits: of these images, as the QONNX run gives them: [N, classes] or NCHW.
        output: the manifest's description of the output stream.
    """
    images, logits = images[:IMAGES], logits[:IMAGES]
    target = folder / FOLDER
    target.mkdir()
    for name in _FILES:
        shutil.copyfile(share("testbench") / name, target / name)
    streamed = logits.transpose(0, 2, 3, 1) if logits.ndim == 4 else logits
    np.savez(
        target / "golden.npz",
        allow_pickle=False,
        images=images,
        logits=streamed.reshape(len(images), *output["shape"]),
    )
