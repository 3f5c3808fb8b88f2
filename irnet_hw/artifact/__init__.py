"""An accelerator's folder, typed: the contract between all stations and the driver.

:mod:`~irnet_hw.artifact.manifest` and :mod:`~irnet_hw.artifact.results` define the JSON files as
dataclasses, :mod:`~irnet_hw.artifact.names` names all files, :mod:`~irnet_hw.artifact.folder`
checks that they belong together, and :mod:`~irnet_hw.artifact.registers` is the register map. All
of this also runs on a board.
"""
