"""What must hold of every translation, beside that a person has written it well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter

import regex
from babel.messages import Catalog, Message

from bot.locales.command_tree import COMMAND_NAME, OPTION_NAME
from tests.locales.messages import is_translated

NAME = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")
"""Of commands and options. Source: https://docs.discord.com/developers/interactions/application-commands"""
_MOST = re.compile(r"at most (\d[\d,]*) characters")
_COMMAND = re.compile(r"(?<![\w/<.])/[a-z][a-z-]+")


def problems(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the translated messages of a catalogue, in words. It may be incomplete."""
    for message in catalog:
        if not message.id:
            continue
        if message.fuzzy:
            yield f"nobody stands by the translation of {_english(message)!r}: it is fuzzy"
        elif is_translated(message):
            for problem in _problems(message, catalog.num_plurals):
                yield f"{problem}: {_english(message)!r}"
        elif any(_forms(message)):
            yield f"some plural forms are missing: {_english(message)!r}"


def _problems(message: Message, plurals: int) -> Iterator[str]:
    forms, english = _forms(message), _english(message)
    if message.pluralizable and len(forms) != plurals:
        yield f"there are {len(forms)} plural forms instead of {plurals}"
    for number, form in enumerate(forms):
        # Where English says "one row", so may the first form.
        wanted = [fields(one) for one in (english if number == 0 else english[-1:])]
        if fields(form) not in wanted:
            yield f"{form!r} has the fields {sorted(fields(form))}"
        yield from _differences(form, english[-1])
        if len(_without_fields(form)) > (most := _limit(message)):
            yield f"{form!r} has more than {most} characters"
    if message.context in (COMMAND_NAME, OPTION_NAME):
        yield from (f"{form!r} is no name by Discord's rules" for form in forms if not _is_name(form))


def _differences(form: str, english: str) -> Iterator[str]:
    if _ends(form) != _ends(english):
        yield f"{form!r} begins or ends with other white space"
    if sorted(set(_COMMAND.findall(form))) != sorted(set(_COMMAND.findall(english))):
        yield f"{form!r} names other commands"


def fields(text: str) -> frozenset[str]:
    """Return the fields of a message as they stand there, with their formats: "{share:.1%}"."""
    try:
        found = [(name, conversion, spec) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError:  # braces that stand for themselves
        return frozenset(re.findall(r"\{[^{}]*\}", text))
    return frozenset(
        f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"
        for name, conversion, spec in found
    )


def _without_fields(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "", text)


def _limit(message: Message) -> int:
    """Return the most characters that a message may have, as the comment for translators says."""
    found = [int(most.replace(",", "")) for one in message.auto_comments for most in _MOST.findall(one)]
    return min(found, default=100_000)


def _ends(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None and text == text.lower()


def _forms(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)


def _english(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, tuple | list) else (message.id,)
