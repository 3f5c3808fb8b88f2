"""Mutation testing: do the tests notice one small change of the hardware or the compiler?

    python -m benchmarks.mutants --systemverilog 100 --python 50

A mutant is the tree with one random change of an operator, condition or constant. Only the
changed module's own tests run on it, up to the first failure, in a copy of the tree. A mutant
that no test notices either changes nothing, which a person decides and records with the reason
in equivalent.toml next to this file, or shows that a test is missing.

The folder ``mutants`` holds the copy, its cache and results.json. Each mutant is added to
results.json when its result is known, so that an interrupted run can continue. After adding
tests, ``--again`` retries the mutants that were not killed.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.mutants import trial
from benchmarks.mutants.mutant import Mutant, apply
from benchmarks.mutants.subjects import SUBJECTS
from irnet_hw.files import whole_file
from irnet_hw.progress import Status, say, track
from irnet_hw.tools.environment import cache_dir

#: No shrinking, and the same examples in each run: the first failure suffices.
PYTEST = (
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:warnings"),
    *("--hypothesis-profile", "mutants"),
)
_EQUIVALENT = Path(__file__).with_name("equivalent.toml")

Results = dict[str, dict[str, Any]]


class Campaign:
    """A copy of the tree in which mutants are tried one after the other."""

    def __init__(self, folder: Path):
        """Make the copy; the cache is kept between runs."""
        self.tree = (folder / "tree").absolute()
        self.cache = (folder / "cache").absolute()
        self.results_file = folder / "results.json"
        shutil.rmtree(self.tree, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if Path(name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(name, self.tree / name)
        self.cache.mkdir(parents=True, exist_ok=True)
        compiled = self.cache / "ccache"
        if not compiled.is_symlink():
            compiled.symlink_to(cache_dir() / "ccache", target_is_directory=True)

    def results(self) -> Results:
        """Return the results so far, by mutant key."""
        if not self.results_file.is_file():
            return {}
        found: Results = json.loads(self.results_file.read_text())["mutants"]
        return found

    def try_out(self, mutant: Mutant, tests: Sequence[str], patience: float) -> dict[str, Any]:
        """Return the tests' result for a mutant."""
        source = self.tree / mutant.file
        text = source.read_text()
        before = self._cached()
        start = time.monotonic()
        try:
            source.write_text(apply(text, mutant.change))
            status, said = self._run(tests, patience)
        finally:
            source.write_text(text)
            for path in self._cached() - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if status not in (None, 0, 1, 2):
            raise click.ClickException(f"{mutant.file}: pytest ended with {status}:\n{said}")
        return {
            "outcome": {None: "timeout", 0: "survived"}.get(status, "killed"),
            "by": _first_failed(said),
            "seconds": round(time.monotonic() - start, 1),
        }

    def check(self, tests: Sequence[str], patience: float) -> None:
        """Assert that the tests that noticed mutants pass on the unchanged tree."""
        status, said = self._run(tests, patience)
        if status != 0:
            failed = _first_failed(said)
            raise click.ClickException(f"{failed}: also fails on the unchanged tree:\n{said}")

    def _cached(self) -> set[Path]:
        """Return everything that the tests have compiled or synthesised."""
        return {
            path for path in self.cache.glob("*/*") if path.parent.name not in ("ccache", "bin")
        }

    def _run(self, tests: Sequence[str], patience: float) -> tuple[int | None, str]:
        """Return pytest's exit status (None if a test hangs) and the end of its output."""
        log = self.tree / "pytest.log"
        environment = {
            "PYTHONPATH": str(self.tree),
            "PYTHONDONTWRITEBYTECODE": "1",
            "IRNET_HW_CACHE": str(self.cache),
            "OMP_NUM_THREADS": "1",
        }
        status = trial.run([*PYTEST, *tests], self.tree, environment, log, patience)
        return status, log.read_text(errors="replace")[-4000:]


def _first_failed(said: str) -> str | None:
    """Return the name of the first failed test in the end of pytest's output."""
    found = re.search(
        r"^(?:FAILED|ERROR) (tests/[^\[\s]+(?:\[.*?\])?)(?: - .*)?$", said, re.MULTILINE
    )
    return found[1] if found else None


def chosen(found: list[Mutant], number: int, seed: int) -> list[Mutant]:
    """Return ``number`` random mutants; the choice doesn't change when other lines do."""
    return sorted(found, key=lambda one: hashlib.sha256(f"{seed} {one.key}".encode()).digest())[
        :number
    ]


def equivalents() -> dict[str, str]:
    """Return the reasons why equivalent mutants change nothing, by key."""
    judged = tomllib.loads(_EQUIVALENT.read_text())
    return {entry["key"]: entry["why"] for entry in judged["mutant"]}


@click.command()
@click.option(
    "--systemverilog", default=100, show_default=True, help="Number of SystemVerilog mutants."
)
@click.option(
    "--python", default=50, show_default=True, help="Number of mutants of compiler and quant."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random choice.")
@click.option("--again", is_flag=True, help="Retry mutants that were not killed.")
@click.option("--out", default="mutants", show_default=True, type=click.Path(path_type=Path))
def main(systemverilog: int, python: int, seed: int, again: bool, out: Path) -> None:
    """Change hardware and compiler, run their tests, and print how many changes they notice."""
    campaign = Campaign(out)
    numbers = {"systemverilog": systemverilog, "python": python}
    existing = {name: subject.mutants(campaign.tree) for name, subject in SUBJECTS.items()}
    results = campaign.results()
    judged = equivalents()
    alive = {key for key, one in results.items() if one["outcome"] != "killed"} - judged.keys()
    waiting = [
        *(
            (name, mutant)
            for name, found in existing.items()
            for mutant in found
            if again and mutant.key in alive
        ),
        *(
            (name, mutant)
            for name, found in existing.items()
            for mutant in chosen(found, numbers[name], seed)
            if mutant.key not in results
        ),
    ]
    status = Status()
    for name, mutant in track(waiting, "trying mutants", len(waiting), "mutants", status):
        subject = SUBJECTS[name]
        tests = subject.tests(campaign.tree, mutant.file)
        result = campaign.try_out(mutant, tests, subject.patience)
        results[mutant.key] = {
            "file": str(mutant.file),
            "line": mutant.line,
            "becomes": mutant.becomes,
            **result,
        }
        status.text = f"{mutant.file.name}: {result['outcome']}"
        if result["outcome"] == "survived":
            say(
                f"survived: {mutant.key} {mutant.file}:{mutant.number}\n"
                f"  {mutant.line}\n  {mutant.becomes}"
            )
        with whole_file(campaign.results_file) as path:
            content = {
                "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
                "mutants": results,
            }
            path.write_text(json.dumps(content, indent=1) + "\n")
    # Those that an earlier run tried count as long as their line is there.
    tried = {
        name: [mutant for mutant in found if mutant.key in results]
        for name, found in existing.items()
    }
    for name, ones in tried.items():
        noticed = sorted({by for mutant in ones if (by := results[mutant.key]["by"])})
        if noticed:
            say(f"running {len(noticed)} tests that noticed {name} mutants on the unchanged tree")
            campaign.check(noticed, SUBJECTS[name].patience)
    Console().print(table(tried, results, judged))


def table(tried: dict[str, list[Mutant]], results: Results, judged: dict[str, str]) -> Table:
    """Return the table: how many mutants of each language the tests notice."""
    result = Table(
        "mutants of",
        "tried",
        "killed",
        "of them by timeout",
        "equivalent",
        "survived",
        "killed, without equivalent",
    )
    for name, mutants in tried.items():
        count = Counter(
            "equivalent" if mutant.key in judged else results[mutant.key]["outcome"]
            for mutant in mutants
        )
        killed = count["killed"] + count["timeout"]
        others = killed + count["survived"]
        result.add_row(
            name,
            *map(
                str,
                (len(mutants), killed, count["timeout"], count["equivalent"], count["survived"]),
            ),
            f"{killed / others:.1%}" if others else "",
        )
    return result


if __name__ == "__main__":
    main()
