"""What Discord, an operator or a terminal hands over: custom ids, messages, settings, command lines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import discord

from bot.errors import InvalidRequest, SettingsError
from bot.invocation import parse_invocation
from bot.mentions.addressed import spoken
from bot.operating.address import Address
from bot.replies.components.modals import Submission
from bot.replies.message_text import text_files, text_of, with_names
from bot.settings import Settings, read_settings
from bot.storage_keys import is_key, split_keys
from tests.fuzz.choices import Choices
from tests.fuzz.messages import ADA, message
from tests.fuzz.target import by_name
from tests.fuzz.targets.components import known_components, pressed
from tests.odd_texts import check_sentence

NAMES = tuple(name.upper() for name in Settings.model_fields)
LONG = 12
"""Characters of a value that no sentence has by chance."""
COMMANDS: list[dict[str, Any]] = [
    {
        "name": "fill",
        "options": [
            {"name": name, "type": kind, "description": "x", "required": kind == 3}
            for name, kind in (("text", 3), ("top_k", 4), ("multi", 5), ("temperature", 10))
        ],
    },
    {"name": "models"},
]


def custom_ids(choices: Choices) -> None:
    """No custom id belongs to two components; a forged choice has a detail, or is one that no menu of ours offers."""
    custom_id = choices.text()[:100]
    values = choices.texts()[:25]
    found = [kind for kind in known_components() if kind.__discord_ui_compiled_template__.fullmatch(custom_id)]
    assert len(found) <= 1, found
    for kind in found:
        component = pressed(kind, custom_id, values)
        assert component.custom_id == custom_id
        # `check_press` has refused what the menu doesn't offer before this is read. Some of it has a sentence as well.
        with suppress(ValueError, IndexError, InvalidRequest):
            _ = component.detail


def messages(choices: Choices) -> None:
    """The text of any message can be read; its people have their names, and the bot's own mention is gone."""
    content = choices.text()
    read = message(content, embeds=[{"type": "rich", "title": choices.text(), "description": choices.text()}])
    text = text_of(read)
    named = with_names(text, read)
    assert f"<@{ADA}>" not in named
    assert not spoken(read, read.author).startswith((f"<@{ADA}>", "@Ada"))
    assert text_files(read) == []


def modals(choices: Choices) -> None:
    """Any submission of a modal of ours has texts."""
    interaction: Any = mock.Mock(spec=["data", "type"], type=discord.InteractionType.modal_submit)
    value: Any = choices.one_of((choices.text(), None, True, 7))
    fields = [{"component": {"custom_id": choices.text() or "texts", "value": value}}, {}]
    interaction.data = {"custom_id": f"glassbox-{choices.text()}", "components": fields}
    found = Submission.of(interaction)
    assert found is not None
    found.text.encode()


def settings(choices: Choices) -> None:
    """A wrong setting is named in a sentence that never shows its value."""
    name, value = choices.one_of(NAMES), choices.text().replace("\0", "")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return  # no environment holds it
    with _environment({name: value}):
        found = _read(None, value)
    if found is not None:
        _ = (found.limits, found.report_to, found.storage_key_list, found.checkpoint_overrides)


def env_files(choices: Choices) -> None:
    """Any `.env` is read, or refused by a sentence that shows none of it."""
    content = choices.raw()
    with _environment({}), tempfile.TemporaryDirectory(dir=_folder()) as folder:
        file = Path(folder, ".env")
        file.write_bytes(content)
        _read(file, "")


def parsers(choices: Choices) -> None:
    """Addresses, keys and command lines are read or refused."""
    text = choices.text()
    try:
        address = Address.parse(text)
        assert Address.parse(str(address)) == address
    except ValueError:
        pass
    assert all(isinstance(is_key(key), bool) for key in split_keys(text))
    line = f"/fill {text}" if choices.flag() else text
    # What is typed in a terminal is repeated there.
    with suppress(SettingsError):
        parse_invocation(line, COMMANDS)


def _read(file: Path | None, value: str) -> Settings | None:
    try:
        return read_settings(file)
    except SettingsError as error:
        sentence = error.sentence
    check_sentence(sentence)
    assert len(value) < LONG or value not in sentence
    return None


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    with mock.patch.dict(os.environ, {**kept, **values}, clear=True):
        yield


@cache
def _folder() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None


TARGETS = by_name(custom_ids, messages, modals, settings, env_files, parsers)
