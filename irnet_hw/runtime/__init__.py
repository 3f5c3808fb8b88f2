"""What drives an accelerator, on a board or on a simulated one."""
