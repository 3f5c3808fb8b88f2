"""What the passes compute with: chains of float operations, exact affine maps, ranges."""
