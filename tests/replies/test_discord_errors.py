"""What became of a call to Discord."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import DiscordAvoided
from bot.replies.discord_errors import LONGEST_WAIT, Outcome, is_gone, outcome_of, retry_after

PAGE = "\n <!DOCTYPE html><title>Error</title>"


def refusal(
    status: int, body: Any, kind: type[discord.HTTPException] = discord.HTTPException, wait: str | None = None
) -> Any:
    headers = {} if wait is None else {"Retry-After": wait}
    response: Any = SimpleNamespace(status=status, reason="", headers=headers)
    return kind(response, body)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (refusal(400, {"code": 40060}), Outcome.ACKNOWLEDGED),
        (refusal(404, {"code": 10062}, discord.NotFound), Outcome.GONE),
        (refusal(404, {"code": 10008}, discord.NotFound), Outcome.GONE),
        (refusal(404, {"code": 10015}, discord.NotFound), Outcome.GONE),
        (refusal(401, {"code": 50027}), Outcome.GONE),
        (refusal(404, PAGE, discord.NotFound), Outcome.BUSY),
        (refusal(403, PAGE, discord.Forbidden), Outcome.BUSY),
        (refusal(400, {"code": 50035, "message": "Invalid Form Body"}), Outcome.REFUSED),
        (refusal(403, {"code": 50001}, discord.Forbidden), Outcome.REFUSED),
        (refusal(429, {"retry_after": 1}), Outcome.BUSY),
        (refusal(429, PAGE), Outcome.BUSY),
        (discord.RateLimited(5.0), Outcome.BUSY),
        (refusal(500, PAGE, discord.DiscordServerError), Outcome.UNKNOWN),
        (refusal(302, PAGE), Outcome.UNKNOWN),
        (aiohttp.ServerDisconnectedError(), Outcome.UNKNOWN),
        (DiscordAvoided(), Outcome.REFUSED),
        (TimeoutError(), Outcome.UNKNOWN),
        (KeyError("retry_after"), Outcome.UNKNOWN),
    ],
    ids=str,
)
def test_each_kind(error: Exception, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome
    assert is_gone(error) is (outcome in (Outcome.GONE, Outcome.ACKNOWLEDGED))
    assert outcome.is_retryable is (outcome in {Outcome.BUSY, Outcome.UNKNOWN})


bodies = st.text() | st.none() | st.fixed_dictionaries(
    {}, optional={"code": st.integers(), "message": st.text(), "retry_after": st.floats()}
)  # fmt: skip


@given(st.integers(300, 599), bodies)
def test_whatever_is_answered_is_judged(status: int, body: Any) -> None:
    assert outcome_of(refusal(status, body)) in Outcome


@given(st.text(max_size=20) | st.floats().map(str))
def test_a_wait_is_never_negative_and_never_for_ever(written: str) -> None:
    assert 0 <= retry_after(refusal(429, PAGE, wait=written)) <= LONGEST_WAIT


def test_no_wait_where_there_is_no_answer() -> None:
    assert retry_after(OSError()) == 0
    assert retry_after(refusal(429, PAGE)) == 0
