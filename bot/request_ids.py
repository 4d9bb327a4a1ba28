"""The request that the running code works for, from the interaction to the device and back.

The log and the calls of a remote backend read it. Tasks inherit it with their context; threads are told.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The interaction's id in Discord, or the `X-Request-ID` of a call; empty outside of requests."""
command: ContextVar[str] = ContextVar("command", default="")
"""What was asked for: the name of a command or of a button's action; empty outside of interactions."""
person: ContextVar[str] = ContextVar("person", default="")
"""The pseudonym of the person who asks (see `bot.operating.pseudonyms`); empty if there is none."""

is_answered_again: ContextVar[bool] = ContextVar("is_answered_again", default=False)
"""Whether another process has begun to answer the interaction, and died."""

words_of: ContextVar[frozenset[int]] = ContextVar("words_of", default=frozenset())
"""People beside the one who asks whose words the request holds, by Discord's ids: what they delete includes it."""

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def add_words_of(people: Iterable[int]) -> None:
    """Note that the running code works with people's words, such as another person's message."""
    words_of.set(words_of.get().union(people))


@contextlib.contextmanager
def working_for(ids: Iterable[str]) -> Iterator[None]:
    """Let the log name these requests while the body runs, for a batch of several."""
    token = request_id.set(",".join(one for one in dict.fromkeys(ids) if one))
    try:
        yield
    finally:
        request_id.reset(token)


def accepted_id(sent: str | None) -> str:
    """Return the id that a caller has sent, or a new one if it sent none, or a text that does not belong in a log."""
    return sent if sent is not None and _ACCEPTED.fullmatch(sent) else secrets.token_hex(8)
