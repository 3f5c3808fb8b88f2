"""The passes: turn a QONNX network into a graph of integer hardware ops."""
