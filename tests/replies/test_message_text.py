"""The text of messages, as discord.py reads them from Discord's payloads."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.replies.message_text import text_files, text_of, with_names

NOW = "2024-05-01T12:00:00+00:00"
PERSON = {"id": "5", "username": "ada", "global_name": "Ada", "discriminator": "0", "avatar": None}


@pytest.fixture
def client() -> discord.Client:
    return discord.Client(intents=discord.Intents(guilds=True))


def message(client: discord.Client, **fields: Any) -> discord.Message:
    """Read a message that has these fields, and is otherwise empty."""
    data: Any = {
        "id": "1", "channel_id": "2", "type": 0, "content": "", "author": PERSON, "embeds": [], "attachments": [],
        "timestamp": NOW, "edited_timestamp": None, "tts": False, "pinned": False, "mention_everyone": False,
        "mentions": [], "mention_roles": [], **fields,
    }  # fmt: skip
    return discord.Message(state=client._connection, channel=client.get_partial_messageable(2), data=data)


def file(name: str, kind: str | None = None) -> dict[str, Any]:
    return {
        "id": "9",
        "filename": name,
        "size": 3,
        "url": "",
        "proxy_url": "",
        **({} if kind is None else {"content_type": kind}),
    }


def forwarded(**fields: Any) -> list[dict[str, Any]]:
    """Return the snapshot of a message with these fields."""
    empty = {"type": 0, "content": "", "embeds": [], "attachments": [], "timestamp": NOW, "edited_timestamp": None}
    return [{"message": {**empty, **fields}}]


RICH = {
    "type": "rich",
    "author": {"name": "News"},
    "title": "Weather",
    "description": "It rains.",
    "fields": [{"name": "Tomorrow", "value": "Sun", "inline": True}, {"name": "\u200b", "value": "Wind"}],
    "footer": {"text": "Page 1"},
}
PREVIEW = {"type": "link", "title": "A page", "description": "About apples."}
SHOWN = [
    {"type": 17, "components": [
        {"type": 9, "components": [{"type": 10, "content": "# Hello"}], "accessory": {
            "type": 2, "style": 1, "custom_id": "a", "label": "Press"}},
        {"type": 14},
        {"type": 10, "content": "World"},
    ]},
]  # fmt: skip
POLL = {
    "question": {"text": "Tea or coffee?"},
    "answers": [
        {"answer_id": 1, "poll_media": {"text": "Tea"}},
        {"answer_id": 2, "poll_media": {"text": "Coffee", "emoji": {"id": None, "name": "☕"}}},
    ],
    "expiry": "2024-05-02T12:00:00+00:00",
    "allow_multiselect": False,
    "layout_type": 1,
}
RESULT = {
    "type": "poll_result",
    "fields": [
        {"name": "poll_question_text", "value": "Tea or coffee?"},
        {"name": "victor_answer_votes", "value": "3"},
        {"name": "total_votes", "value": "4"},
        {"name": "victor_answer_text", "value": "Tea"},
    ],
}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"content": "  Hello\nthere "}, "Hello\nthere"),
        ({"embeds": [RICH]}, "Weather\nIt rains.\nTomorrow\nSun\n\u200b\nWind"),
        ({"content": "Look:", "embeds": [RICH]}, "Look:\nWeather\nIt rains.\nTomorrow\nSun\n\u200b\nWind"),
        ({"content": "I like https://example.com/a", "embeds": [PREVIEW]}, "I like https://example.com/a"),
        ({"content": "https://example.com/a", "embeds": [PREVIEW]}, "https://example.com/a\nA page\nAbout apples."),
        ({"components": SHOWN, "flags": 1 << 15}, "# Hello\nWorld"),
        ({"message_snapshots": forwarded(content="From afar.", embeds=[RICH | {"fields": []}])},
         "From afar.\nWeather\nIt rains."),
        ({"content": "See this", "message_snapshots": forwarded(components=SHOWN)}, "See this\n# Hello\nWorld"),
        ({"message_snapshots": forwarded(content="https://example.com/a", embeds=[PREVIEW])},
         "https://example.com/a\nA page\nAbout apples."),
        ({"poll": POLL}, "Tea or coffee?\nTea\nCoffee"),
        ({"type": 46, "embeds": [RESULT]}, "Tea or coffee?\nTea"),
        ({"attachments": [file("a.txt", "text/plain; charset=utf-8")]}, ""),
    ],
)  # fmt: skip
def test_the_text(client: discord.Client, fields: dict[str, Any], text: str) -> None:
    assert text_of(message(client, **fields)) == text


@pytest.mark.parametrize(
    ("name", "kind", "counts"),
    [
        ("a.txt", "text/plain; charset=utf-8", True),
        ("a.csv", "text/csv", True),
        ("a.json", "application/json", True),
        ("A.TXT", None, True),
        ("a.png", "image/png", False),
        ("a.txt", "image/png", False),
        ("voice-message.ogg", "audio/ogg", False),
        ("a", None, False),
    ],
)
def test_which_files_hold_text(client: discord.Client, name: str, kind: str | None, counts: bool) -> None:
    attached = message(client, attachments=[file(name, kind)])
    snapshot = message(client, message_snapshots=forwarded(attachments=[file(name, kind)]))
    assert [len(text_files(one)) for one in (attached, snapshot)] == [counts, counts]


def test_mentions_become_names(client: discord.Client) -> None:
    written = message(client, content="<@5>, <@!5> and <@6> in <#7> <a:wave:8>", mentions=[PERSON])
    assert with_names(text_of(written), written) == "@Ada, @Ada and <@6> in <#7> :wave:"
