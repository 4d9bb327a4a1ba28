"""Which messages are addressed to the bot, what threads are called, and how many edits many texts make."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.mentions.addressed import is_addressed, spoken
from bot.mentions.places import LONGEST_NAME, thread_name
from bot.replies import delivery, pending
from bot.replies.delivery import Delivery

ME = discord.Object(7)


def message(text: str = "<@7> hello", **options: Any) -> Any:
    fields: dict[str, Any] = {
        "content": text,
        "author": SimpleNamespace(id=1, bot=False, system=False),
        "webhook_id": None,
        "type": discord.MessageType.default,
        "guild": object(),
        "channel": SimpleNamespace(id=3),
        "mentions": [SimpleNamespace(id=7, display_name="Glassbox")],
        "role_mentions": [],
        "channel_mentions": [],
        "reference": None,
    }
    return SimpleNamespace(**fields | options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"type": discord.MessageType.reply}, True),
        ({"mentions": []}, False),
        ({"webhook_id": 5}, False),
        ({"type": discord.MessageType.pins_add}, False),
        ({"author": SimpleNamespace(id=7, bot=True, system=False)}, False),
        ({"author": SimpleNamespace(id=1, bot=False, system=True)}, False),
        ({"author": SimpleNamespace(id=1, bot=True, system=False)}, True),  # the server decides
        ({"guild": None, "mentions": []}, True),
        ({"guild": None, "author": SimpleNamespace(id=1, bot=True, system=False)}, False),
        ({"guild": None, "channel": SimpleNamespace(id=3, guild_id=4)}, False),  # a server that is not known
    ],
)
def test_who_is_answered(options: dict[str, Any], expected: bool) -> None:
    assert is_addressed(message(**options), ME, reads_along=True) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<@7> hello", "hello"),
        ("<@!7>, hello <@7>", "hello"),
        ("<@7><@7>: hello", "hello"),
        ("hey <@7>, hello", "hey @Glassbox, hello"),
        ("<@8> and <@7>", "<@8> and"),
        ("<@7>", ""),
        ("<@77> hello", "<@77> hello"),
    ],
)
def test_what_is_said(text: str, expected: str) -> None:
    assert spoken(message(text), ME) == expected


@pytest.mark.parametrize("text", ["", "word " * 40, "w" * 300, "a\n\nb\u200b", "😀" * 200, "x " + "y" * 100])
def test_names_of_threads(text: str) -> None:
    name = thread_name(text)
    assert len(name) <= LONGEST_NAME
    assert name.rstrip("…") in " ".join(text.replace("\u200b", "").split())
    assert name.endswith("…") == (len(text.split()) > 30 or len(text) > 101)
    assert name != "…"


def test_many_texts_are_edited_less_often() -> None:
    nothing: Any = SimpleNamespace()
    shown: Any = SimpleNamespace(is_rate_limited_with_others=True)
    many = Delivery(nothing, nothing, nothing)
    counted = [many._counted(shown) for _ in range(100)]
    for one in counted:
        one.__enter__()
    edits_a_second = 100 / (pending.EDIT_SECONDS * many._slowness())
    assert edits_a_second == pytest.approx(1 / delivery.EDIT_SECONDS_OF_ALL)
    for one in counted:
        one.__exit__(None, None, None)
    assert many._slowness() == 1.0
