"""Export of trained networks: checkpoint to QONNX, with metadata and golden vectors."""
