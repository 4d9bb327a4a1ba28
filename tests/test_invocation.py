"""Slash commands written as text."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.invocation import parse_invocation
from tests.locales.pseudo import marked, unmarked

COMMANDS: list[dict[str, Any]] = [
    {
        "name": "fill",
        "options": [
            {"name": "text", "type": 3, "required": True, "description": "a text"},
            {"name": "top_k", "type": 4, "description": "how many"},
            {"name": "warm", "type": 5, "description": "whether"},
            {"name": "top_p", "type": 10, "description": "how much", "min_value": 0, "max_value": 1},
            {"name": "words", "type": 3, "description": "which", "min_length": 2, "max_length": 4},
            {"name": "at", "type": 7, "description": "where"},
            {"name": "by", "type": 3, "description": "by whom", "choices": [{"name": "/Fill", "value": "f"}]},
        ],
    },
    {"name": "status"},
]


def test_values_go_on_until_the_next_option() -> None:
    read = parse_invocation("/fill text:What: a ___ day, top_q:1 top_k:3 warm:yes top_p:0.5", COMMANDS)
    assert read.command == "fill"
    assert read.options == {"text": "What: a ___ day, top_q:1", "top_k": 3, "warm": True, "top_p": 0.5}


@pytest.mark.parametrize("written", ["/Fill", "/fill", "f"])
def test_a_choice_is_written_as_people_see_it(written: str) -> None:
    assert parse_invocation(f"/fill text:a by:{written}", COMMANDS).options == {"text": "a", "by": "f"}


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
        ("/fill text:a by:/guess", "by must be one of /Fill, and not “/guess”."),
        ("/fill text:a top_p:1.5", "top_p must be at least 0 and at most 1, and not 1.5."),
        ("/fill text:a top_p:nan", "top_p must be at least 0 and at most 1, and not nan."),
        ("/fill text:a words:abcde", "words must be at least 2 and at most 4 characters long, and not 5."),
        ("/fill text:a at:#here", "at cannot be written as text. Please use this command in the playground."),
        ("/status now", "/status has no options."),
        ("", "Write a command, such as /fill. There are /fill, /status."),
        (" / ", "Write a command"),
    ],
)
def test_what_cannot_be_read_says_why(line: str, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_invocation(line, COMMANDS)
    assert part in caught.value.sentence


def test_what_cannot_be_read_is_said_in_every_language() -> None:
    lines = ("/b", "/a", "/a x", "/a n:x", "/a n:5", "/a n:1 b:x", "/a n:1 s:x", "/a n:1 c:x", "/a n:1 p:x", "")
    option = {"name": "n", "type": 4, "required": True, "description": "", "min_value": 1, "max_value": 2}
    others = [
        {"name": "b", "type": 5, "description": ""},
        {"name": "s", "type": 3, "description": "", "min_length": 2},
        {"name": "c", "type": 3, "description": "", "choices": [{"name": "y", "value": "y"}]},
        {"name": "p", "type": 7, "description": ""},
    ]
    with marked():
        for line in lines:
            with pytest.raises(SettingsError) as caught:
                parse_invocation(line, [{"name": "a", "options": [option, *others]}])
            assert not unmarked(caught.value.sentence)


@given(st.text())
def test_nothing_else_is_raised(line: str) -> None:
    with suppress(SettingsError):
        parse_invocation(f"/fill {line}", COMMANDS)
