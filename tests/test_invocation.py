"""Slash commands written as text."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.invocation import parse_invocation

COMMANDS: list[dict[str, Any]] = [
    {
        "name": "fill",
        "options": [
            {"name": "text", "type": 3, "required": True, "description": "a text"},
            {"name": "top_k", "type": 4, "description": "how many"},
            {"name": "warm", "type": 5, "description": "whether"},
            {"name": "top_p", "type": 10, "description": "how much"},
        ],
    },
    {"name": "status"},
]


def test_values_go_on_until_the_next_option() -> None:
    read = parse_invocation("/fill text:What: a ___ day, top_q:1 top_k:3 warm:yes top_p:0.5", COMMANDS)
    assert read.command == "fill"
    assert read.options == {"text": "What: a ___ day, top_q:1", "top_k": 3, "warm": True, "top_p": 0.5}


def test_a_command_without_options() -> None:
    assert parse_invocation("status", COMMANDS).options == {}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/guess text:x", "There is no command /guess. There are /fill, /status."),
        ("/fill", "/fill needs text"),
        ("/fill hello", "Write the options of /fill as text:value"),
        ("/fill text:a top_k:1.5", "top_k must be a whole number, and not “1.5”."),
        ("/fill text:a top_p:many", "top_p must be a number"),
        ("/fill text:a warm:perhaps", "warm must be true or false"),
        ("/status now", "it has none"),
        ("", "Write a command, such as /fill. There are /fill, /status."),
        (" / ", "Write a command"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_invocation(line, COMMANDS)
    assert part in caught.value.sentence


@given(st.text())
def test_nothing_else_is_raised(line: str) -> None:
    with suppress(SettingsError):
        parse_invocation(f"/fill {line}", COMMANDS)
