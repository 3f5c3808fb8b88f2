"""Run pytest in its own process, with a time limit and with slow imports preloaded.

Nothing of irnet_hw is imported here, because the tests import a changed copy.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

#: Slow modules that the tests import and mutants don't change.
_SLOW = ["pytest", "hypothesis", "torch", "brevitas.nn", "onnx", "qonnx.core.modelwrapper"]
_SLOW += ["finn.custom_op.fpgadataflow.rtlbackend", "cocotb_tools.runner", "sklearn.datasets"]

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(_SLOW)


def run(
    arguments: Sequence[str], tree: Path, environment: Mapping[str, str], log: Path, patience: float
) -> int | None:
    """Run pytest; return its exit status, or None if a test hangs.

    Args:
        arguments: pytest's arguments.
        tree: the folder with the tests and the sources under test.
        environment: variables to add to the present environment.
        log: file for the output of pytest and the tests.
        patience: seconds within which pytest must print something: it prints one character per
            finished test.
    """
    log.write_bytes(b"")
    child = _processes.Process(target=_pytest, args=(list(arguments), tree, environment, log))
    child.start()
    try:
        return _wait(child, log, patience)
    finally:
        if child.is_alive():  # kill it with everything it has started
            os.killpg(int(child.pid or 0), signal.SIGKILL)
            child.join()


def _wait(child: BaseProcess, log: Path, patience: float) -> int | None:
    size, since = 0, time.monotonic()
    while True:
        child.join(timeout=1)
        if not child.is_alive():
            return child.exitcode
        if size != log.stat().st_size:
            size, since = log.stat().st_size, time.monotonic()
        elif time.monotonic() - since > patience:
            return None


def _pytest(arguments: list[str], tree: Path, environment: Mapping[str, str], log: Path) -> None:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    import pytest

    sys.exit(pytest.main(arguments))
