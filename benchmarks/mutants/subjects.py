"""Which sources are changed, and which tests belong to them. All paths of the campaign are here."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants import python_changes, systemverilog_changes
from benchmarks.mutants.mutant import Change, Mutant, mutants

Tests = tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """Sources in one language, and the rule for finding their tests.

    Attributes:
        globs: patterns of the source files.
        changes: yields the possible changes of a source's text.
        tests: returns a source's own tests, closest first, given the tree and the path in it.
        patience: seconds after which an unfinished test counts as hanging.
    """

    globs: Tests
    changes: Callable[[str], Iterator[Change]]
    tests: Callable[[Path, Path], Tests]
    patience: float

    def mutants(self, tree: Path) -> list[Mutant]:
        """Return all mutants of a tree's sources."""
        files = sorted(
            file.relative_to(tree) for pattern in self.globs for file in tree.glob(pattern)
        )
        texts = [(file, (tree / file).read_text()) for file in files]
        return list(mutants((file, text, self.changes(text)) for file, text in texts))


#: Tests of kernel modules, by module name. A module's tests include those of its users.
_KERNELS = "tests/rtl/test_{}.py"
#: Exceptions to the naming convention: a kernel with two modules.
_OTHER_KERNELS = {"parallel_window": "sliding_window"}
#: Tests of all kernels.
_ALL_KERNELS = "tests/rtl/test_lint.py"
#: Tests of everything that is not a kernel, by folder or file.
_BOARDS: Mapping[str, Tests] = {
    "rtl/shell": (
        "tests/rtl/shell/test_lint.py",
        "tests/rtl/shell/test_proofs.py",
        "tests/rtl/shell/test_shell.py",
    ),
    "boards/pynq-z2/gp_to_axi_lite.sv": ("tests/boards/test_gp_to_axi_lite.py",),
    "boards/pynq-z2/openxc7_top.sv": ("tests/boards/test_openxc7_top.py",),
}
#: Tests of Python, by the folder of the sources: a module's, or its users' if it has none, and
#: those from end to end.
_STATIONS: Mapping[str, tuple[str, Tests]] = {
    "irnet_hw/compiler": (
        "tests/compiler/test_{}.py",
        (
            "tests/compiler/test_hardware_graph.py",
            "tests/compiler/test_pipeline.py",
            "tests/compiler/test_given.py",
        ),
    ),
    "irnet_hw/quant": ("tests/quant/test_{}.py", ()),
}


def _hardware_tests(tree: Path, file: Path) -> Tests:
    for place, tests in _BOARDS.items():
        if file.is_relative_to(place):
            return tests
    texts = {path.stem: path.read_text() for path in tree.glob("rtl/*/*.sv")}

    def users(name: str) -> list[str]:
        instance = re.compile(rf"^\s*{name}\s*(#|\w+\s*\()", re.MULTILINE)
        return [user for user, text in texts.items() if user != name and instance.search(text)]

    near = _nearest(file.stem, users)
    names = dict.fromkeys(_OTHER_KERNELS.get(name, name) for name in near)
    found = [test for name in names if (tree / (test := _KERNELS.format(name))).is_file()]
    return (*found, _ALL_KERNELS)


def _python_tests(tree: Path, file: Path) -> Tests:
    (station,) = (station for station in _STATIONS if file.is_relative_to(station))
    modules = (tree / station).glob("**/*.py")
    imports = {path: _imported(path) for path in modules if path.stem != "__init__"}

    def users(name: str) -> list[str]:
        return [path.stem for path, names in imports.items() if name in names]

    pattern, whole = _STATIONS[station]
    tests = {path: _imported(path) for path in sorted(tree.glob(pattern.format("*")))}

    def own(name: str) -> list[Path]:
        named = tree / pattern.format(name)
        using = [path for path, names in tests.items() if name in names and path != named]
        return [named, *using] if named in tests else using

    found = next((paths for name in _nearest(file.stem, users) if (paths := own(name))), [])
    near = [str(test.relative_to(tree)) for test in found]
    return tuple(dict.fromkeys([*near, *whole]))


def _imported(path: Path) -> set[str]:
    """Return the last components of the modules a file imports, and the names it imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("irnet_hw"):
            names.add(str(node.module).rpartition(".")[2])
            names.update(alias.name for alias in node.names)
    return names


def _nearest(name: str, users: Callable[[str], list[str]]) -> list[str]:
    """Return a module, its users, their users and so on."""
    found = [name]
    for one in found:  # the list grows during the loop
        found += [user for user in users(one) if user not in found]
    return found


SUBJECTS = {
    "systemverilog": Subject(
        ("rtl/*/*.sv", "boards/pynq-z2/*.sv"),
        systemverilog_changes.changes,
        _hardware_tests,
        600,
    ),
    "python": Subject(
        tuple(f"{station}/**/*.py" for station in _STATIONS),
        python_changes.changes,
        _python_tests,
        600,
    ),
}
