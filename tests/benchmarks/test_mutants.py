"""The campaign of mutants: its changes, whose tests it runs, and a run on a tree of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutants import python_changes, systemverilog_changes
from benchmarks.mutants.mutant import apply, mutants
from benchmarks.mutants.subjects import SUBJECTS

ROOT = Path(__file__).parents[2]

MODULE = """
module small #(parameter int N = 4) (input logic clk, input logic [N-1:0] a, output logic b);
    if (N < 1) $error("small: N = %0d, must be at least 1", N);
    // 1 + 1
    always_ff @(posedge clk)
        if (a <= 2'd3) b <= a[0] <= 1'b1 ? 1'b1 : b;
endmodule
"""
FUNCTION = '''
@cached(2)
def small(a: int | None, b: int = 1) -> int | None:
    """1 + 1."""
    if a < b and f"{a + b}":
        return [n for n in range(3) if n % 2]
    return a
'''


def becomes(changes, text):
    return {mutant.becomes for mutant in mutants([(Path("small"), text, changes(text))])}


def test_changes_of_systemverilog():
    found = becomes(systemverilog_changes.changes, MODULE)
    check = '$error("small: N = %0d, must be at least 1", N);'
    assert found == {
        *(f"if ({test}) {check}" for test in ("N <= 1", "N < 2", "N < 0", "!(N < 1)")),
        *(
            f"if (a <= 2'd3) b <= {value};"
            for value in (
                "a[1] <= 1'b1 ? 1'b1 : b",
                "a[0] < 1'b1 ? 1'b1 : b",
                "a[0] <= 1'b0 ? 1'b1 : b",
                "a[0] <= 1'b1 ? 1'b0 : b",
                "a[0] <= 1'b1 ? b : 1'b1",
            )
        ),
        *(
            f"if ({test}) b <= a[0] <= 1'b1 ? 1'b1 : b;"
            for test in ("a < 2'd3", "a <= 2'd2", "!(a <= 2'd3)")
        ),
    }


def test_changes_of_python():
    found = becomes(python_changes.changes, FUNCTION)
    head = "def small(a: int | None, b: int = {}) -> int | None:"
    items = "return [n for n in range(3) if n % 2]"
    assert found == {
        head.format(2),
        head.format(0),
        *(f'if {test} and f"{{a + b}}":' for test in ("(a <= b)",)),
        "if (a < b or f'{a + b}'):",
        "if (not (a < b and f'{a + b}')):",
        items.replace("3", "4"),
        items.replace("3", "2"),
        items.replace("n % 2", "n % 3"),
        items.replace("n % 2", "n % 1"),
        items.replace("n % 2", "(n // 2)"),
        items.replace("n % 2", "(not n % 2)"),
    }


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_source_has_tests_of_its_own_and_every_mutant_a_key(name):
    subject = SUBJECTS[name]
    found = subject.mutants(ROOT)
    assert len({mutant.key for mutant in found}) == len(found) > 1000
    for file in {mutant.file for mutant in found}:
        tests = subject.tests(ROOT, file)
        assert tests and all((ROOT / test).is_file() for test in tests), file


def test_a_mutant_keeps_its_key_when_other_lines_change():
    before, after = (
        list(mutants([(Path("small"), text, python_changes.changes(text))]))
        for text in (FUNCTION, f"import os\n{FUNCTION}")
    )
    assert [one.key for one in before] == [one.key for one in after]
    assert apply(FUNCTION, before[0].change) != FUNCTION


def campaign(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-P", "-m", "benchmarks.mutants", "--systemverilog", "0", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_campaign_finds_what_no_test_notices_and_goes_on_where_it_was(tmp_path):
    files = {
        "irnet_hw/__init__.py": '__version__ = "0"\n',
        "irnet_hw/quant/__init__.py": "",
        "irnet_hw/quant/sums.py": "def add(a, b):\n    return a + b\n",
        "irnet_hw/quant/products.py": "def double(a):\n    return a * 2\n",
        "tests/quant/test_sums.py": "from irnet_hw.quant.sums import add\n\n\n"
        "def test_add():\n    assert add(1, 0) == 1\n",
        "tests/quant/test_products.py": "from irnet_hw.quant.products import double\n\n\n"
        "def test_double():\n    assert double(3) == 6\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("conftest.py", "wheel.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    first = campaign(tmp_path, "--python", "2")
    assert "python" in first.stdout
    again = campaign(tmp_path, "--python", "10")
    assert "trying mutants: 2/2" in again.stderr
    results = json.loads((tmp_path / "mutants" / "results.json").read_text())["mutants"]
    outcomes = {entry["becomes"]: (entry["outcome"], entry["by"]) for entry in results.values()}
    noticed = ("killed", "tests/quant/test_products.py::test_double")
    assert outcomes == {
        "return (a - b)": ("survived", None),
        "return (a + 2)": noticed,
        "return a * 3": noticed,
        "return a * 1": noticed,
    }
    for name, text in files.items():  # the checkout is as it was
        assert (tmp_path / name).read_text() == text
