"""SystemVerilog: our library, a layer by itself, and which sources a tool may see."""
