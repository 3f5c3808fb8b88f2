"""irnet-hw: IR-Net binary neural networks, from training to a bit-exact FPGA accelerator."""

__version__ = "0.1.0"
