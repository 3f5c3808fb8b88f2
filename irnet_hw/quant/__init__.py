"""IR-Net in Brevitas: Libra-PB weights, EDE activations and the EDE schedule."""

from irnet_hw.quant.ede import EDE, EDEActQuant, EDESchedule, set_ede
from irnet_hw.quant.libra import LibraWeightQuant, libra

__all__ = ["EDE", "EDEActQuant", "EDESchedule", "LibraWeightQuant", "libra", "set_ede"]
