"""`python -m tests.audit`: have pip-audit ask for known vulnerabilities of locked packages.

What pip-audit could not ask about is no good news, and it says so in a hundred lines: here it is one sentence, and
status 2.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

UNASKED = "Nothing is known about {} of {} packages: the Python package index did not answer. Try again with a network."


def main(locks: list[Path]) -> None:
    """Status 0: no known vulnerability. 1: there are some. 2: not all packages could be asked about."""
    found = [package for lock in locks for package in audited(lock)]
    unknown = [one for one in found if "skip_reason" in one]
    vulnerable = {one["name"]: one for one in found if one.get("vulns")}
    for name, package in sorted(vulnerable.items()):
        for fault in package["vulns"]:
            fixed = ", ".join(fault["fix_versions"]) or "no version yet"
            typer.echo(f"{name} {package['version']}: {fault['id']}, mended in {fixed}")
    if unknown:
        typer.echo(UNASKED.format(len(unknown), len(found)), err=True)
    elif not vulnerable:
        typer.echo(f"{len(found)} packages, no known vulnerability.")
    raise typer.Exit(1 if vulnerable else 2 if unknown else 0)


def audited(lock: Path) -> Sequence[dict[str, Any]]:
    """Return what pip-audit says about each package of a lock."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    done = subprocess.run([*command, "--format", "json", "--progress-spinner", "off"], capture_output=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [{"name": lock.name, "skip_reason": "no answer"}]
    return packages


if __name__ == "__main__":
    typer.run(main)
