"""The dependencies of irnet-hw: extras can only add to them, and a plain install has all."""

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: Extras that are part of a plain install.
PLAIN = ("train", "build", "sim")


class Dependencies(MetadataHookInterface):
    """Adds the extras to the dependencies, unless IRNET_HW_LEAN is set."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the project's dependencies."""
        found = set(self.config["dependencies"])
        if not os.environ.get("IRNET_HW_LEAN"):
            for extra in PLAIN:
                found.update(metadata["optional-dependencies"][extra])
        own = f"{metadata['name']}["
        metadata["dependencies"] = sorted(one for one in found if not one.startswith(own))
