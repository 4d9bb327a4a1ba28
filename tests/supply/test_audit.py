"""Reports as pip-audit writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.supply.audit import FOUND, UNKNOWN, verdict

GOOD: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
BAD: dict[str, Any] = {
    "name": "b",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": [], "description": ""}],
}
SKIPPED: dict[str, Any] = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"}


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([GOOD], 0, "no known vulnerability in 1 packages"),
        ([GOOD, BAD], FOUND, "b 2: PYSEC-1, fixed in 3"),
        ([SKIPPED, BAD], FOUND, "PYSEC-1"),
        ([GOOD, SKIPPED], UNKNOWN, "NOT DONE for 1 of 2"),
        ([], UNKNOWN, "NOT DONE"),
    ],
)
def test_what_was_not_looked_up_is_no_good_news(packages: list[dict[str, Any]], status: int, says: str) -> None:
    found, said = verdict(json.dumps({"dependencies": packages, "fixes": []}))
    assert found == status
    assert says in said


@pytest.mark.parametrize("report", ["", "ERROR: cannot connect", "[]", "null"])
def test_no_report_is_one_line_with_a_status(report: str) -> None:
    status, said = verdict(report)
    assert status == UNKNOWN
    assert "NOT DONE" in said
    assert "\n" not in said
