"""The published pages say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.batches.office import KEPT_SECONDS as BATCH_SECONDS
from bot.replies.privacy import page
from bot.storage.expiry import FORUM_SECONDS, QUOTA_SECONDS
from bot.storage.personal.holdings import HOLDINGS
from bot.storage.retention import AFTER_LEAVING_SECONDS, KEPT_SECONDS
from bot.storage.unanswered import LAST_SECONDS
from bot.tasks.chat import MOST_EXCHANGES

DOCS = Path(__file__).parent.parent / "docs"
DAY = 24 * 3600

TIMES = (KEPT_SECONDS, AFTER_LEAVING_SECONDS, QUOTA_SECONDS, FORUM_SECONDS)
KEPT, LEFT, QUOTA, FORUM = (f"{seconds / DAY:.0f} days" for seconds in TIMES)
ROWS = {
    "Requests": KEPT,
    "Conversations": f"{KEPT}; the last {MOST_EXCHANGES} of a channel",
    "Commands and button presses": "15 minutes at most",
    "A file that you have answered": "a day at most",
    "Which messages were translated": KEPT,
    "Which tags fit a post": FORUM,
    "How often you used": QUOTA,
    "That you have had everything deleted": KEPT,
    "What a server has set": f"Until {LEFT} after the server removes the bot",
}
"""The beginning of a row of the table, and what its last cell says."""


def policy() -> str:
    return (DOCS / "PRIVACY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS)
def test_the_policy_gives_the_times_of_the_code(row: str) -> None:
    [line] = [line for line in policy().splitlines() if line.startswith(f"| {row}")]
    assert line.strip("| ").rpartition("|")[2].strip().endswith(ROWS[row])


def test_privacy_gives_the_times_of_the_code() -> None:
    kept = {one.name: str(one.kept) for one in HOLDINGS}
    for name in ("requests", "words_in_requests", "conversations", "erasures"):
        assert kept[name].startswith(f"Kept for {KEPT}")
    assert f"the last {MOST_EXCHANGES} of a channel" in kept["conversations"]
    assert kept["quota_uses"] == f"Kept for {QUOTA}."
    assert "15 minutes" in kept["unanswered"]
    assert LAST_SECONDS <= 15 * 60
    assert "a day at most" in kept["batches"]
    assert BATCH_SECONDS <= DAY
    assert f"deleted after {LEFT}" in str(page.OUTSIDE)


def test_other_numbers_of_days_are_nowhere() -> None:
    assert set(re.findall(r"\d+\s+days", policy().replace("\n", " "))) == {KEPT, LEFT, QUOTA, FORUM}


@pytest.mark.parametrize("name", ["PRIVACY.md", "TERMS.md"])
def test_what_the_operator_fills_in_is_marked(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text.count("⟦") == text.count("⟧") >= 4
    assert "⟦name of the operator⟧" in text
    assert "Replace every ⟦placeholder⟧" in text or "replace every ⟦placeholder⟧" in text


def test_everything_that_stays_after_a_deletion_is_named() -> None:
    assert {one.name for one in HOLDINGS if one.stays} == {"quota_uses", "erasures"}, "say it in docs/PRIVACY.md"
    said = " ".join(policy().split())
    assert "how often you used a server's limit (7 days)" in said
    assert "that you have deleted everything (30 days)" in said
