"""Emission: a folded graph becomes the files of an accelerator's folder."""
