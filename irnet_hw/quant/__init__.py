"""IR-Net in Brevitas: Libra-PB weights, EDE activations and schedule, ablation, streams."""

from irnet_hw.quant import handlers  # noqa: F401 (gives them to Brevitas' exporters)
from irnet_hw.quant.ablation import STE, act_quant, weight_quant
from irnet_hw.quant.ede import EDE, EDEActQuant, EDESchedule, set_ede
from irnet_hw.quant.libra import LibraWeightQuant, libra
from irnet_hw.quant.stream import stream_quant

__all__ = [
    "EDE",
    "STE",
    "EDEActQuant",
    "EDESchedule",
    "LibraWeightQuant",
    "act_quant",
    "libra",
    "set_ede",
    "stream_quant",
    "weight_quant",
]
