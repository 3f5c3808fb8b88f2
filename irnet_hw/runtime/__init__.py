"""The driver of an accelerator, on a real or a simulated board.

Only this part of irnet-hw is installed on a board: it needs Python 3.8 or later, numpy, and pynq
from the board's image.
"""

from irnet_hw.runtime.accelerator import Accelerator

__all__ = ["Accelerator"]
