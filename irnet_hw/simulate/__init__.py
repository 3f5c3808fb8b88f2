"""Simulation: the accelerator's RTL in Verilator, alone or on a simulated board."""
