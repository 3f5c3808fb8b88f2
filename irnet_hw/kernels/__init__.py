"""FINN hardware ops for binary networks; importing this package registers them with FINN.

Each module holds one op: the FINN op with its exact NumPy model, its cycle and area models, what
reports say about it, and its RTL backend, whose SystemVerilog module has the same name. Four ops
also have an HLS backend, which FINN uses if preferred_impl_style is "hls".

To add an op, add its module here. There is no other list of ops: every module of this package is
imported, and :func:`~irnet_hw.kernels.registry.register` does the rest.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
