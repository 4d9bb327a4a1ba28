"""`python -m tests.supply.audit PIP_AUDIT FILE`: what is known against pinned packages, and what is not looked up.

pip-audit itself ends with 0 if an index answers for no package: nothing is known, so nothing is vulnerable. Here that
has a status of its own: 0 all were looked up, 1 something is vulnerable, 3 some could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

FOUND, UNKNOWN = 1, 3


def verdict(report: str) -> tuple[int, str]:
    """Judge what pip-audit has written.

    Args:
        report: its JSON; anything else if it has failed.

    Returns:
        The exit status, and the lines to print.
    """
    try:
        packages: list[Mapping[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, "audit: NOT DONE: no advisory service could be reached. Run it where one can."
    lines = [
        f"{one['name']} {one['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or 'no version'}"
        for one in packages
        for fault in one.get("vulns", ())
    ]
    if lines:
        return FOUND, "\n".join(lines)
    skipped = sum("skip_reason" in one for one in packages)
    if skipped or not packages:
        return UNKNOWN, f"audit: NOT DONE for {skipped} of {len(packages)} packages: the advisory service knows none."
    return 0, f"audit: no known vulnerability in {len(packages)} packages."


def main(pip_audit: str, file: str, *options: str) -> int:
    """Run pip-audit over a file of pinned requirements, print the verdict, and return the exit status."""
    command = [pip_audit, "--requirement", file, "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    command += ["--timeout", "10", "--format", "json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    status, said = verdict(done.stdout)
    sys.stdout.write(said + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
