"""IR-Net in Brevitas: Libra-PB weights, EDE activations and the EDE schedule."""
