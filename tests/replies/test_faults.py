"""What became of a call to Discord."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies.faults import LONGEST_WAIT, Fault, fault_of, is_gone, seconds_asked_for

PAGE = "\n <!DOCTYPE html><title>Error</title>"


def refusal(
    status: int, body: Any, kind: type[discord.HTTPException] = discord.HTTPException, wait: str | None = None
) -> Any:
    headers = {} if wait is None else {"Retry-After": wait}
    response: Any = SimpleNamespace(status=status, reason="", headers=headers)
    return kind(response, body)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (refusal(400, {"code": 40060}), Fault.ACKNOWLEDGED),
        (refusal(404, {"code": 10062}, discord.NotFound), Fault.GONE),
        (refusal(404, {"code": 10008}, discord.NotFound), Fault.GONE),
        (refusal(404, {"code": 10015}, discord.NotFound), Fault.GONE),
        (refusal(401, {"code": 50027}), Fault.GONE),
        (refusal(404, PAGE, discord.NotFound), Fault.BUSY),
        (refusal(403, PAGE, discord.Forbidden), Fault.BUSY),
        (refusal(400, {"code": 50035, "message": "Invalid Form Body"}), Fault.REFUSED),
        (refusal(403, {"code": 50001}, discord.Forbidden), Fault.REFUSED),
        (refusal(429, {"retry_after": 1}), Fault.BUSY),
        (refusal(429, PAGE), Fault.BUSY),
        (discord.RateLimited(5.0), Fault.BUSY),
        (refusal(500, PAGE, discord.DiscordServerError), Fault.UNKNOWN),
        (refusal(302, PAGE), Fault.UNKNOWN),
        (aiohttp.ServerDisconnectedError(), Fault.UNKNOWN),
        (TimeoutError(), Fault.UNKNOWN),
        (KeyError("retry_after"), Fault.UNKNOWN),
    ],
    ids=str,
)
def test_each_kind(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault
    assert is_gone(error) is (fault is Fault.GONE)
    assert fault.may_pass is (fault in {Fault.BUSY, Fault.UNKNOWN})


bodies = st.text() | st.none() | st.fixed_dictionaries(
    {}, optional={"code": st.integers(), "message": st.text(), "retry_after": st.floats()}
)  # fmt: skip


@given(st.integers(300, 599), bodies)
def test_whatever_is_answered_is_judged(status: int, body: Any) -> None:
    assert fault_of(refusal(status, body)) in Fault


@given(st.text(max_size=20) | st.floats().map(str))
def test_a_wait_is_never_negative_and_never_for_ever(written: str) -> None:
    assert 0 <= seconds_asked_for(refusal(429, PAGE, wait=written)) <= LONGEST_WAIT


def test_no_wait_where_there_is_no_answer() -> None:
    assert seconds_asked_for(OSError()) == 0
    assert seconds_asked_for(refusal(429, PAGE)) == 0
