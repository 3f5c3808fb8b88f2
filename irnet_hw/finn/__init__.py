"""Our compiler in FINN's own builder: the steps from a QONNX network to a folded graph.

A FINN build takes them in place of FINN's steps of the same purpose::

    from irnet_hw.finn import steps
    config = DataflowBuildConfig(..., target_fps=1500, steps=steps())

:func:`step_irnet_network` replaces everything from step_qonnx_to_finn to step_convert_to_hw,
:func:`step_irnet_folding` replaces step_target_fps_parallelization and step_apply_folding_config,
and :func:`step_irnet_streams` compares both ends of the streams between FINN's layers and ours. All
other steps are FINN's. FINN's hardware layers may stand among our kernels.
"""

from irnet_hw.finn.steps import step_irnet_folding as step_irnet_folding
from irnet_hw.finn.steps import step_irnet_network as step_irnet_network
from irnet_hw.finn.steps import step_irnet_streams as step_irnet_streams
from irnet_hw.finn.steps import steps as steps
