"""What a benchmark's JSON says about where its figures come from."""

import os
import platform
from importlib.metadata import version
from typing import Any


def about(*packages: str) -> dict[str, Any]:
    """Return the machine, and the versions of packages or of "python"."""
    return {
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "versions": {
            name: platform.python_version() if name == "python" else version(name)
            for name in packages
        },
    }
