"""The passes: a QONNX network becomes a graph of integer hardware ops."""
