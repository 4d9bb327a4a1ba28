"""`docs/RELIABILITY.md` names rows and tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.fault import all_faults

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/RELIABILITY.md"
PAGES = (PAGE, *sorted((ROOT / "docs/reliability").glob("*.md")))
FAMILIES = "|".join(sorted({one.name.partition("-")[0] for one in all_faults()}))


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_rows_that_are_named_are_there(page: Path) -> None:
    named = set(re.findall(rf"`((?:{FAMILIES})-[a-z0-9-]+)`", page.read_text(encoding="utf-8")))
    assert named <= {one.name for one in all_faults()}


def test_tests_that_are_named_are_there() -> None:
    named = re.findall(r"`((?:[a-z_]+/)*test_\w+\.py)(?:::(\w+))?`", PAGE.read_text(encoding="utf-8"))
    assert named
    for path, function in named:
        assert f"def {function}" in (ROOT / "tests" / path).read_text(encoding="utf-8"), (path, function)
