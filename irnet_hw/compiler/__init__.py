"""The compile station: QONNX to a folded, stitched accelerator.

:mod:`irnet_hw.compiler.pipeline` runs it. Its packages, in the order of the data flow: ``passes``
turn the network into integer hardware ops, ``folding`` chooses how much each works in parallel,
``emission`` writes the folder. ``numbers`` holds the arithmetic that the passes use.
"""
