"""What a stitched accelerator can be taken to: simulation, area, bitstream."""
