"""Folding: chooses how much each kernel works in parallel, and how deep each FIFO is."""
