"""`python -m tests.mutation MUTMUT ROOM`: mutate the modules of a room in a copy, and count what its tests notice."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.mutation.rooms import ROOMS, SEED, Room

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "mutants")
KILLED = {"killed", "timeout", "segfault"}
NONE = "none"
"""A pattern that no mutant matches."""
GOAL = 0.85


def configuration(room: Room) -> str:
    """Return the table of pyproject.toml that mutmut reads."""
    options = {
        "source_paths": ["bot"],
        "only_mutate": list(room.modules),
        "also_copy": ["cogs", "docs", "README.md", "CHANGELOG.md", "constraints.txt", ".env.example"],
        "pytest_add_cli_args_test_selection": list(room.tests),
        "pytest_add_cli_args": ["-q", "-x", "-p", "no:cacheprovider", "-k", "not postgresql"],
        # One process imports torch and collects the tests; a fork of it runs them with a mutant.
        "process_isolation": "forkserver",
        "track_dependencies": False,
        "use_git_change_detection": False,
    }
    return "\n[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())


class Mutmut:
    """mutmut in a copy of the repository.

    Args:
        program: its path.
        copy: the folder of the copy.
    """

    def __init__(self, program: str, copy: Path) -> None:
        self._program = program
        self._copy = copy

    def run(self, *mutants: str) -> str:
        """Try mutants by their names, and return what mutmut writes meanwhile."""
        return self._said("run", "--max-children", "1", *mutants)

    def outcomes(self) -> Mapping[str, str]:
        """Return what has become of each mutant."""
        lines = self._said("results", "--all", "true").splitlines()
        return dict(line.strip().rsplit(": ", 1) for line in lines if line.startswith("    ") and ": " in line)

    def difference(self, mutant: str) -> str:
        """Return the lines that a mutant changes."""
        lines = self._said("show", mutant).splitlines()
        return "\n".join(line for line in lines if line[:1] in ("-", "+") and line[:3] not in ("---", "+++"))

    def _said(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, *arguments], cwd=self._copy, check=False, stdout=-1, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout


def main(program: str, name: str) -> int:
    """Print each survivor, and how many were tried and killed; return 0 if 85 % or more were killed."""
    room = ROOMS[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "glassbox")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        with (copy / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(configuration(room))
        mutmut = Mutmut(program, copy)
        # mutmut knows its mutants' names only after it has made them and has seen which tests reach which.
        said = mutmut.run(NONE)
        known = sorted(mutmut.outcomes())
        tried = known if len(known) <= room.most else random.Random(SEED).sample(known, room.most)
        said += mutmut.run(*tried) if tried else ""
        outcomes = mutmut.outcomes()
        survivors = [mutant for mutant in tried if outcomes[mutant] not in KILLED]
        if len(survivors) == len(tried):
            sys.stdout.write(f"{said[-3_000:]}\n{name}: no mutant was noticed: do the tests pass without one?\n")
            return 2
        for mutant in survivors:
            sys.stdout.write(f"{outcomes[mutant]}: {mutant}\n{mutmut.difference(mutant)}\n")
    killed = len(tried) - len(survivors)
    sys.stdout.write(f"{name}: {len(tried)} of {len(known)} tried, {killed} killed, {killed / len(tried):.1%}\n")
    return 0 if killed >= GOAL * len(tried) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
