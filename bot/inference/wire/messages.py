"""Messages between processes: the English sentence, and what it is made of, so that it can be translated elsewhere.

What another process sends is never used as a format: a template only finds a translation in this process's own
catalogues, and a sentence that they do not know stays in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.locales.current import ENGLISH, current_locale, written_in
from bot.locales.message import Message, Readable, Value
from bot.locales.values import LISTS, NUMBERS, Later

LONGEST_SENTENCE = 4_000
"""Characters of a sentence, or of a value, that are accepted from another process."""
MOST_VALUES = 16
MOST_NAMES = 64
"""Names in one value."""
LONGEST_TAG = 40
"""Characters of a language's."""
DEEPEST = 3
"""How many messages may be inside one another."""
GREATEST = 2**63
"""Numbers are smaller, so that none takes long to write."""


class _Unacceptable(ValueError):
    """A message from another process exceeds a bound, or isn't one."""


@dataclass(frozen=True)
class Received(Message):
    """A message from another process."""

    english: str = ""
    """As that process has written it."""

    def __str__(self) -> str:
        """Return the sentence in the current locale if its catalogue has it, and in English otherwise."""
        is_known = self.text() not in {self.template, self.other}
        lacks_values = not self.values and not self.other and self.english != self.template
        if current_locale() != ENGLISH and is_known and not lacks_values:
            try:
                return super().__str__()
            except (LookupError, ValueError, TypeError, AttributeError):
                pass  # the other version's message has other values
        return self.english


def plain_message(message: str | Message) -> dict[str, Any]:
    """Return a message as what JSON holds: `{"sentence": "…"}`, with `message` beside it if it can be translated."""
    with written_in(ENGLISH):
        plain: dict[str, Any] = {"sentence": str(message)}
    if isinstance(message, Message):
        fields = {"other": message.other, "count": message.count, "context": message.context}
        plain["message"] = {
            "template": message.template,
            "values": {name: _plain_value(value) for name, value in message.values.items()},
            **{name: value for name, value in fields.items() if value},
        }
    return plain


def read_message(plain: Mapping[str, Any]) -> str | Message:
    """Return what `plain_message` has made; only the sentence if the rest exceeds a bound; "" if there is none."""
    sentence = plain.get("sentence")
    if not isinstance(sentence, str):
        return ""
    sentence = sentence[:LONGEST_SENTENCE]
    if not sentence or "message" not in plain:
        return sentence
    try:
        return _read(sentence, plain["message"], DEEPEST)
    except _Unacceptable:
        return sentence


def _plain_value(value: Value) -> object:
    match value:
        case Message():
            return plain_message(value)
        case Later(form, tuple(names)):
            return {"form": form, "value": [_plain_value(name) for name in names]}
        case Later(form, written):
            return {"form": form, "value": written}
        case Readable():
            return str(value)
    return value


def _read(sentence: str, found: object, depth: int) -> Message:
    match found:
        case {"template": str(template), "values": dict(values), **rest} if template and depth:
            other, context = rest.get("other", ""), rest.get("context", "")
            if len(values) <= MOST_VALUES and isinstance(other, str) and isinstance(context, str):
                read = {name: _read_value(value, depth - 1) for name, value in values.items()}
                count = int(_number(rest.get("count", 0)))
                return Received(template, read, other, count, context, english=sentence)
    raise _Unacceptable


def _read_value(value: object, depth: int) -> Value:
    match value:
        case str():
            return value[:LONGEST_SENTENCE]
        case bool():
            raise _Unacceptable
        case int() | float():
            return _number(value)
        case {"sentence": str(sentence), "message": message}:
            return _read(sentence[:LONGEST_SENTENCE], message, depth)
        case {"form": str(form), "value": list(names)} if form in LISTS and 0 < len(names) <= MOST_NAMES:
            return Later(form, tuple(map(_read_name, names)))
        case {"form": str(form), "value": int() | float() as number} if form in NUMBERS:
            return Later(form, _number(number))
        case {"form": "language", "value": str(tag)}:
            return Later("language", tag[:LONGEST_TAG])
    raise _Unacceptable


def _read_name(name: object) -> str | Readable:
    read = _read_value(name, depth=1)
    if isinstance(read, str | Message) or (isinstance(read, Later) and read.form not in LISTS):
        return read
    raise _Unacceptable


def _number(value: object) -> int | float:
    if isinstance(value, int | float) and abs(value) < GREATEST:  # neither NaN nor infinity
        return value
    raise _Unacceptable
