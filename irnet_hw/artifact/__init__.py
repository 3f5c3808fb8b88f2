"""An accelerator's folder, typed: what all stations and the driver agree on.

:mod:`~irnet_hw.artifact.manifest` and :mod:`~irnet_hw.artifact.results` are the JSON files as
dataclasses, :mod:`~irnet_hw.artifact.names` names all files, :mod:`~irnet_hw.artifact.folder`
checks that they belong together, :mod:`~irnet_hw.artifact.registers` is the register map. All of
this runs on a board too.
"""
