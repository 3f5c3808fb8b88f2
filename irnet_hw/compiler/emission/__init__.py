"""Emission: turns a folded graph into the files of an accelerator's folder."""
