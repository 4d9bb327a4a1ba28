"""Links between the pages of the documentation lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"\bdocs/[\w./-]+\.md\b")
"""A page that code or prose names without a link."""


def prose(page: Path) -> str:
    """The page without its examples."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the page's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *$", prose(page), re.M):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_file_and_to_a_heading(page: Path) -> None:
    for path, anchor in LINK.findall(prose(page)):
        target = page.parent / path if path else page
        assert target.exists(), f"{path} is not there"
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), f"{path}#{anchor} is not there"


def test_pages_that_code_and_prose_name_are_there() -> None:
    sources = [*PAGES, *(path for folder in ("bot", "cogs", "tests") for path in (ROOT / folder).rglob("*.py"))]
    named = {(path.relative_to(ROOT), name) for path in sources for name in NAMED.findall(path.read_text("utf-8"))}
    assert [one for one in sorted(named) if not (ROOT / one[1]).exists()] == []


def test_anchors_are_those_of_github() -> None:
    page = ROOT / "docs" / "experiments" / "encoders.md"
    assert {"sentiment-the-shape-of-distilbert", "zero-shot-the-shape-of-bart-large-5-labels"} <= anchors(page)
