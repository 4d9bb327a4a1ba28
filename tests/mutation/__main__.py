"""`python -m tests.mutation MUTMUT ROOM`: mutate the modules of a room in a copy, and count what its tests notice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutation.rooms import ROOMS, Room

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "mutants")
KILLED = {"killed", "timeout", "segfault", "suspicious"}


def configuration(room: Room) -> str:
    """Return the table of pyproject.toml that mutmut reads."""
    options = {
        "source_paths": ["bot"],
        "only_mutate": list(room.modules),
        "also_copy": ["cogs", "docs", "README.md", "CHANGELOG.md", "constraints.txt", ".env.example"],
        "pytest_add_cli_args_test_selection": list(room.tests),
        "pytest_add_cli_args": ["-q", "-x", "-p", "no:cacheprovider"],
    }
    return "\n[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())


def main(mutmut: str, name: str) -> int:
    """Print each survivor, and how many were tried and killed; return 0 if 85 % or more were killed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "glassbox")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        with (copy / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(configuration(ROOMS[name]))
        subprocess.run([mutmut, "run", "--max-children", "1"], cwd=copy, check=False, stdout=subprocess.DEVNULL)
        listed = subprocess.run([mutmut, "results", "--all", "true"], cwd=copy, check=True, stdout=-1, text=True)
    outcomes = dict(line.strip().rsplit(": ", 1) for line in listed.stdout.splitlines() if ": " in line)
    if not outcomes:
        sys.stdout.write(f"{name}: nothing was tried: the tests fail without a mutation\n")
        return 2
    counts = Counter("killed" if outcome in KILLED else outcome for outcome in outcomes.values())
    for mutant, outcome in outcomes.items():
        if outcome not in KILLED:
            sys.stdout.write(f"{outcome}: {mutant}\n")
    rate = counts["killed"] / len(outcomes)
    sys.stdout.write(f"{name}: {len(outcomes)} tried, {counts['killed']} killed, {rate:.0%}\n")
    return 0 if rate >= 0.85 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
