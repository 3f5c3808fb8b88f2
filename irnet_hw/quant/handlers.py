"""How Brevitas' QONNX exporters write quantizers: a file then computes what the module does.

Brevitas writes a quantizer as a node that knows scale, bits and rounding, and nothing else that the
quantizer does. It puts raw weights before that node, so that the balancing of
:class:`irnet_hw.quant.LibraWeightQuant` would be lost, and takes the rounding of a stream, half up,
for a floor. The exporters try the handlers below before Brevitas' own.
"""

import warnings

import torch
from brevitas.proxy import ActQuantProxyFromInjector, WeightQuantProxyFromInjector
from torch import Tensor

from irnet_hw.errors import UserError
from irnet_hw.quant.stream import StreamQuant

with warnings.catch_warnings():  # about a missing package that would speed up unused code
    warnings.filterwarnings("ignore", message="fast_hadamard_transform package not found")
    from brevitas.export import export_qonnx
    from brevitas.export.onnx.qonnx.handler import (
        BrevitasActQuantProxyHandler,
        BrevitasWeightQuantProxyHandler,
    )
    from brevitas.export.onnx.qonnx.manager import QONNXManager

__all__ = ["ActHandler", "QONNXManager", "WeightHandler", "export_qonnx"]


class WeightHandler(BrevitasWeightQuantProxyHandler):  # type: ignore[misc]
    """Writes weights as their layer uses them, in place of raw ones; the node then keeps them."""

    def prepare_for_export(self, module: WeightQuantProxyFromInjector) -> None:
        """Quantize the weights of all layers that share the quantizer."""
        super().prepare_for_export(module)
        if module.is_quant_enabled:
            layers = module.tracked_module_list
            found = {layer.weight.data_ptr(): layer.quant_weight() for layer in layers}
            # Detached here, because the exporters trace what is done below.
            self._found = {
                key: (weight.value.detach(), weight.scale.detach()) for key, weight in found.items()
            }

    def symbolic_execution(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Write the quantizer of a weight."""
        if len(self._found) == 1:
            ((value, scale),) = self._found.values()
        elif torch.compiler.is_exporting():
            raise UserError(
                "layers share a weight quantizer, which the dynamo exporter can't tell apart; "
                "export with dynamo=False"
            )
        else:
            value, scale = self._found[x.data_ptr()]
        self.symbolic_kwargs["scale"] = scale
        written: tuple[Tensor, Tensor, Tensor, Tensor] = super().symbolic_execution(value)
        return written


class ActHandler(BrevitasActQuantProxyHandler):  # type: ignore[misc]
    """Writes a stream's rounding, half up, as adding half a step and taking the floor."""

    def prepare_for_export(self, module: ActQuantProxyFromInjector) -> None:
        """Keep half the step of a stream."""
        super().prepare_for_export(module)
        fused = module.fused_activation_quant_proxy
        quant = None if fused is None else fused.tensor_quant
        self._half = quant.step / 2 if isinstance(quant, StreamQuant) else 0.0

    def symbolic_execution(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Write the quantizer of an activation."""
        written: tuple[Tensor, Tensor, Tensor, Tensor] = super().symbolic_execution(
            x + self._half if self._half else x
        )
        return written


QONNXManager.handlers[:0] = [WeightHandler, ActHandler]  # the dynamo exporter has the same list
