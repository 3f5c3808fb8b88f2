"""Arithmetic for the passes: chains of float operations, exact affine maps, ranges."""
