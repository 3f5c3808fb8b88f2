"""SystemVerilog: its writer, our library, single layers, and which sources tools may read."""
