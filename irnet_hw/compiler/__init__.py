"""The compile station: QONNX to a folded, stitched accelerator.

:mod:`irnet_hw.compiler.pipeline` runs it. Its rooms, in the order of the data: ``passes`` turn the
network into integer hardware ops, ``folding`` chooses how much each works in parallel, ``emission``
writes the folder. ``numbers`` holds what the passes compute with.
"""
