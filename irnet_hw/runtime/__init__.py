"""What drives an accelerator, on a board or on a simulated one.

A board has this part of irnet-hw alone: it needs nothing but numpy, and pynq of the board's image,
and Python from 3.8 on.
"""

from irnet_hw.runtime.accelerator import Accelerator

__all__ = ["Accelerator"]
