"""Synthesis: the accelerator's area by Yosys."""
