"""`python -m tests.fuzz [TARGET…]`: find inputs that break what must hold of every input.

With atheris (`pip install -e ".[fuzz]"`) by what they reach, else by hypothesis, which does not look.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.outcome import Outcome
from tests.fuzz.target import all_names, find_target

SLOWEST = 10
"""Seconds of one input that count as a failure."""
_INPUTS = re.compile(r"number_of_executed_units: (\d+)")
_EDGES = re.compile(r"cov: (\d+)")
_FAILURE = re.compile(r"=== Uncaught Python exception: ===\n(.*?)(?=\n==\d+==|\Z)", re.DOTALL)
_CRASHED = re.compile(r"ERROR: libFuzzer: (.+)")


def guided(name: str, seconds: int, folder: Path) -> Outcome:
    """Run libFuzzer in a process of its own, whose corpus and failing inputs stay in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (f"-max_total_time={seconds}", f"-timeout={SLOWEST}", "-print_final_stats=1", "-rss_limit_mb=4096")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", name, str(folder), *options],
        check=False, capture_output=True, text=True, errors="replace", env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    inputs, edges = _INPUTS.findall(done.stderr), _EDGES.findall(done.stderr)
    failure = ""
    if done.returncode:
        found = _FAILURE.search(done.stderr + done.stdout) or _CRASHED.search(done.stderr)
        failure = found[1] if found else done.stderr[-2_000:]
        failure += "".join(f"\ninput: {file.read_bytes()!a}" for file in sorted(folder.glob("[cto]*-*")))
    return Outcome(int(inputs[-1]) if inputs else 0, int(edges[-1]) if edges else 0, failure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try each target, print what has become of it, and return 1 if one has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them without one")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--list", action="store_true", help="print the names of the targets")
    parser.add_argument("--folder", type=Path, help="keeps what was found between two runs")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        sys.stdout.write("".join(f"{name}\n" for name in all_names()))
        return 0
    for name in chosen.targets:
        try:
            find_target(name)
        except LookupError:
            parser.error(f"there is no target {name}; see --list")
    with tempfile.TemporaryDirectory() as temporary:
        failed = False
        for name in chosen.targets or all_names():
            folder = (chosen.folder or Path(temporary)) / name
            outcome = _outcome(name, chosen.seconds, folder)
            failed = failed or bool(outcome.failure)
            sys.stdout.write(f"{outcome.line(name)}\n" + (f"{outcome.failure}\n" if outcome.failure else ""))
            sys.stdout.flush()
    return int(failed)


def _outcome(name: str, seconds: int, folder: Path) -> Outcome:
    if importlib.util.find_spec("atheris") is not None:
        return guided(name, seconds, folder)
    from tests.fuzz.unguided import tried

    return tried(find_target(name), seconds)


if __name__ == "__main__":
    sys.exit(main())
