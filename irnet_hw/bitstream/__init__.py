"""Place and route to a bitstream, with Vivado or with open tools."""
