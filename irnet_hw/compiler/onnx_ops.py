"""Kinds of ONNX ops, by what they compute."""

from irnet_hw.onnx_file import QUANTIZERS

#: Computed on each value by itself, with constants for all of them or for each channel.
ELEMENTWISE = (
    *("Mul", "Add", "Sub", "Div", "BatchNormalization", "Clip", "Relu", "LeakyRelu", "PRelu"),
    *("Elu", "Selu", "Celu", "Softplus", "Softsign", "ThresholdedRelu", "HardSigmoid", "HardSwish"),
    *("Tanh", "Sigmoid", "Erf", "Exp", "Log", "Sqrt", "Abs", "Neg", "Sign", "Pow", "Min", "Max"),
    *("Floor", "Ceil", "Round", "Gelu", "Mish"),
    *QUANTIZERS,
)
#: Those that are monotone in each channel whatever their constants, in float32 too, because IEEE
#: rounding is monotone.
MONOTONE = (
    *("Mul", "Add", "Sub", "BatchNormalization", "Clip", "Relu", "Min", "Max"),
    *("Div", "Floor", "Ceil", "Round", "Neg", "Sign", *QUANTIZERS),
)
#: They multiply by weights.
LAYERS = ("Conv", "MatMul")
#: They keep every value, in the same order.
RESHAPING = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
#: They compute the mean of a window, or of the whole image.
MEANS = ("AveragePool", "GlobalAveragePool", "ReduceMean")
#: They add up values of a channel.
SUMMING = (*MEANS, "ReduceSum")
#: Together, they are the shortcut of a layer with a stride and more channels.
SUBSAMPLING = ("Slice", "Pad")
