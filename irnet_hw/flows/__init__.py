"""What a stitched accelerator can be taken to: simulation, area, bitstream."""

from irnet_hw.flows.command import command_simulate

__all__ = ["command_simulate"]
