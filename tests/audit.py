"""`python -m tests.audit`: have pip-audit ask for known vulnerabilities of locked packages.

The Python package index is asked first, and OSV about what it does not know: an index that mirrors files has no
advisories. What nobody was able to tell is no good news, and pip-audit says so in a hundred lines and status 0. Here it
is one sentence, and status 69.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

UNASKED = (
    "Nothing is known about {} of {} packages: this machine reaches neither OSV nor a Python package index that has "
    "advisories. Run this where it can."
)
VULNERABLE, UNAVAILABLE = 1, 69
"""Exit statuses. The second is what `sysexits.h` calls an unavailable service; 2 is that of wrong arguments."""
SERVICES = ("pypi", "osv")


def main(locks: list[Path]) -> None:
    """Status 0: no known vulnerability. 1: there are some. 69: not all packages could be asked about."""
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
    raise typer.Exit(VULNERABLE if vulnerable else UNAVAILABLE if unknown else 0)


def audited(lock: Path) -> Sequence[dict[str, Any]]:
    """Return what pip-audit says about each package of a lock, from the service that knows most of them."""
    found: list[Sequence[dict[str, Any]]] = []
    for service in SERVICES:
        if (answer := _asked(service, lock)) is not None:
            found.append(answer)
            if not _unknown(answer):
                break
    return min(found, key=_unknown, default=[{"name": lock.name, "skip_reason": "no answer"}])


def _unknown(packages: Sequence[dict[str, Any]]) -> int:
    return sum("skip_reason" in one for one in packages)


def _asked(service: str, lock: Path) -> Sequence[dict[str, Any]] | None:
    """Return what a service says; None if it cannot be reached."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    how = ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*command, *how], capture_output=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    return packages


if __name__ == "__main__":
    typer.run(main)
