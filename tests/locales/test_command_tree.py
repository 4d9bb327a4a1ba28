"""The command tree keeps Discord's rules in every language."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.locales.command_tree import COMMAND, OPTION, CommandTranslator
from bot.locales.offered import offered
from tests.locales.checking import NAME
from tests.locales.languages import offering
from tests.locales.messages import catalogues, locale_of
from tests.locales.tree import LIMITS, payloads, texts

SLASH = 1
MOST_IN_COMMAND = 8_000
"""Characters of names, descriptions and values of a command and all in it, each counted in its longest language.

Source: https://docs.discord.com/developers/interactions/application-commands
"""
ROOM = 80
"""What English descriptions may have of Discord's 100 characters: other languages need up to a quarter more."""


def parts(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a command, its subcommands, options and choices."""
    yield payload
    for inner in [*payload.get("options", ()), *payload.get("choices", ())]:
        yield from parts(inner)


def languages(part: Mapping[str, Any], field: str) -> list[str]:
    """Return a name or description in all its languages."""
    localized = part.get(f"{field}_localizations") or {}
    return [str(text) for text in (part.get(field), *localized.values()) if text is not None]


def faults(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield what Discord refuses of a command."""
    for part in parts(payload):
        is_choice, is_menu = "value" in part, part.get("type") != SLASH and "options" not in part and part is payload
        for name in languages(part, "name"):
            if not 0 < len(name) <= (100 if is_choice else 32):
                yield f"the name {name!r} has {len(name)} characters"
            elif not (is_choice or is_menu) and (NAME.fullmatch(name) is None or name != name.lower()):
                yield f"{name!r} is no name"
        yield from (f"{one!r} has {len(one)} characters" for one in languages(part, "description") if len(one) > 100)
    if (size := sum(map(_size, parts(payload)))) > MOST_IN_COMMAND:
        yield f"{payload['name']} has {size} characters"
    yield from _ambiguous(payload)


def _size(part: Mapping[str, Any]) -> int:
    texts = languages(part, "name"), languages(part, "description"), [str(part.get("value", ""))]
    return sum(max(map(len, one), default=0) for one in texts)


def _ambiguous(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options of a command, or the choices of an option, that have one name in some language."""
    for kind in ("options", "choices"):
        inner = part.get(kind) or ()
        for locale in {None, *(locale for one in inner for locale in one.get("name_localizations") or {})}:
            names = [(one.get("name_localizations") or {}).get(locale, one["name"]) for one in inner]
            yield from (f"{name!r} is there twice in {locale}" for name in set(names) if names.count(name) > 1)
        for one in inner:
            yield from _ambiguous(one)


async def test_discord_takes_the_tree_in_every_language() -> None:
    assert not [fault for payload in await payloads(CommandTranslator()) for fault in faults(payload)]


async def test_english_leaves_room_for_other_languages() -> None:
    found = [text for context, text in await texts() if context in (COMMAND, OPTION) and len(text) > ROOM]
    assert not found


async def test_every_text_of_the_tree_is_collected_within_its_limit() -> None:
    found = await texts()
    assert all(0 < len(text) <= LIMITS[context] for context, text in found)
    assert {context for context, _ in found} == set(LIMITS)


def test_each_language_is_one_of_discords() -> None:
    # A catalogue of a language that Discord does not have can only be chosen with /language.
    assert set(offered()) <= {"en", *map(locale_of, catalogues())}


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"name_localizations": {"de": "Stimmung"}}, "is no name"),
        ({"name_localizations": {"de": "s" * 33}}, "33 characters"),
        ({"description_localizations": {"hi": "त" * 101}}, "101 characters"),
        ({"options": [{"name": "a", "type": 3, "name_localizations": {"fr": "b"}}, {"name": "b", "type": 3}]}, "twice"),
        ({"options": [{"name": f"o{n}", "type": 3, "description": "d" * 100} for n in range(80)]}, "8"),
    ],
)
def test_what_discord_refuses_is_found(changed: Mapping[str, Any], fault: str) -> None:
    payload: dict[str, Any] = {
        "name": "sentiment",
        "description": "How does it feel?",
        "type": SLASH,
        "options": [],
        **changed,
    }
    [found] = faults(payload)
    assert fault in found


def test_the_tree_of_made_up_languages_is_translated(tmp_path: Path) -> None:
    with offering(tmp_path, "de", "es"):
        found = asyncio.run(payloads(CommandTranslator()))
    for payload in found:
        for part in parts(payload):
            if part.get("description"):
                assert part["description_localizations"].keys() == {"de", "es-ES", "es-419"}
            if "value" in part:
                assert part["name_localizations"]["de"] == f"⟦{part['name']}⟧"
            assert "en-US" not in part.get("name_localizations", {})
