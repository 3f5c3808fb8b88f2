"""A layer on its own: its module's sources, under names that do not depend on the layer.

Layers with equal parameters then have equal sources, whatever the layers are called, so a tool's
result for one of them holds for all: tools' results are cached by :meth:`Part.digest`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.errors import UserError
from irnet_hw.verilog.library import needed
from irnet_hw.verilog.writer import Port

#: The name of the layer's module here.
MODULE = "this_layer"
_HEAD = re.compile(r"^module \w+ \((.*?)\n\);$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"(input|output)\s+logic\s+(?:\[(\d+):0\]\s*)?(\w+)")


@dataclass(frozen=True)
class Part:
    """A layer's module and all that it instantiates.

    Attributes:
        layer: the layer's own name.
        sources: texts by file name; each comes before those that instantiate it, and the module
            itself comes last.
        data: the hex files, by the names under which the module reads them.
    """

    layer: str
    sources: Mapping[str, str]
    data: Mapping[str, Path]

    def digest(self, *more: str, data: bool) -> str:
        """Return a hash of the sources, of ``more`` and, if ``data``, of the hex files."""
        total = hashlib.sha256(repr((more, list(self.sources.items()))).encode())
        for name, path in self.data.items() if data else ():
            total.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
        return total.hexdigest()[:32]

    def ports(self) -> list[Port]:
        """Return the module's ports."""
        found = _HEAD.search(self.sources[f"{MODULE}.sv"])
        if found is None:
            raise UserError(
                f"{self.layer}: its module's port list is not in the generated form; build it again"
            )
        return [
            Port(name, direction == "input", int(high) + 1 if high else None)
            for direction, high, name in _PORT.findall(found[1])
        ]

    def called(self, name: str) -> tuple[dict[str, str], dict[str, Path]]:
        """Return the sources and hex files of the module under another name."""
        own = self.sources[f"{MODULE}.sv"].replace(MODULE, name)
        others = {file: text for file, text in self.sources.items() if file != f"{MODULE}.sv"}
        data = {file.replace(MODULE, name): path for file, path in self.data.items()}
        return {**others, f"{name}.sv": own}, data

    def write(self, folder: Path) -> list[str]:
        """Write the sources into a folder; return their names."""
        for name, text in self.sources.items():
            (folder / name).write_text(text)
        return list(self.sources)


def part(folder: Path, manifest: Manifest, layer: str) -> Part:
    """Return a layer of an accelerator on its own.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        layer: the layer's name, which is also its module's.
    """
    files = {Path(source).stem: folder / source for source in manifest.sources}
    if layer not in files:
        raise UserError(f"{folder}: the source of layer {layer} is missing; build it again")
    own = files[layer].read_text()
    sources = {
        f"{name}.sv": files[name].read_text()
        for name in needed(layer, lambda name: files[name].read_text() if name in files else None)
        if name != layer
    }
    data = {
        file.name.replace(layer, MODULE): file
        for file in (folder / name for name in manifest.data)
        if file.name.startswith(f"{layer}_")
    }
    return Part(layer, {**sources, f"{MODULE}.sv": own.replace(layer, MODULE)}, data)


def alike(parts: Iterable[tuple[str, Part]]) -> dict[str, Sequence[Part]]:
    """Group parts by their digests."""
    groups: dict[str, list[Part]] = {}
    for digest, one in parts:
        groups.setdefault(digest, []).append(one)
    return dict(groups)
