"""FINN hardware ops for binary networks; importing this package registers them with FINN.

Each module holds one op: the FINN op with its exact NumPy model, its cycle and area models, what
reports say about it, and its RTL backend, whose SystemVerilog has the same name. Four have an HLS
backend too; FINN takes it where preferred_impl_style is "hls".

To add an op, add its module here. Nothing else lists the ops: every module of this package is
imported, and :func:`~irnet_hw.kernels.registry.register` does the rest.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
