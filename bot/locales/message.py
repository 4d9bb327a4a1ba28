"""Messages: sentences with named fields, in the language of whoever reads them.

A sentence is written in the code in English, whole, with its values as named fields. `_` and `plural` translate it at
once; `later` and `later_plural` make a `Message`, for what is written before it is known who reads it: errors,
explanations, constants. `in_context` is for the same English words with several meanings. `make messages` finds the
sentences by these five names (docs/TRANSLATING.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.locales.catalogue import catalogue
from bot.locales.current import current_locale


class Readable:
    """What is written in the current locale when it is read, by `str`."""

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)


Value: TypeAlias = str | int | float | Readable


@dataclass(frozen=True)
class Message(Readable):
    """A sentence that is translated when it is read."""

    template: str
    """In English, with fields as `str.format` has them: "Please wait {seconds} seconds."."""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Of the fields. Messages among them are translated as well, and other values of `bot.locales.values` written."""
    other: str = ""
    """The English plural, if the message counts something."""
    count: int = 0
    """What decides between singular and plural. Both may have it as the field `count`."""
    context: str = ""
    """What tells the message from another one with the same English words."""

    def __str__(self) -> str:
        """Return the sentence in the current locale."""
        text = self.text()
        if self.other:
            return text.format(count=self.count, **self.values)
        return text.format(**self.values) if self.values else text

    def filled(self, **values: Value) -> Message:
        """Return the same sentence with values for its fields, for templates that are constants."""
        return replace(self, values={**self.values, **values})

    def text(self) -> str:
        """Return the sentence in the current locale, with its fields still to be filled in."""
        return translated(self.template, self.other, self.count, self.context)


def translated(template: str, other: str = "", count: int = 0, context: str = "") -> str:
    """Return a template in the current locale. Its arguments are what `Message` has under these names."""
    messages = catalogue(current_locale())
    if not context:  # asked first, and without `match`, because a page has dozens of sentences
        return messages.ngettext(template, other, count) if other else messages.gettext(template)
    return messages.npgettext(context, template, other, count) if other else messages.pgettext(context, template)


def _(template: str, /, **values: Value) -> str:
    """Return a sentence in the current locale, with its fields filled in.

    Without values, braces in the sentence stand for themselves.
    """
    text = translated(template)
    return text.format(**values) if values else text


def plural(one: str, other: str, /, count: int, **values: Value) -> str:
    """Return the sentence for a number of things, in the current locale. `{count}` is that number."""
    return translated(one, other, count).format(count=count, **values)


def in_context(context: str, template: str, /, **values: Value) -> str:
    """Return a sentence like `_`, where the same English words must be told apart, such as by what they name."""
    text = translated(template, context=context)
    return text.format(**values) if values else text


def later(template: str, /, **values: Value) -> Message:
    """Return a sentence that is translated when it is read."""
    return Message(template, values)


def later_plural(one: str, other: str, /, count: int, **values: Value) -> Message:
    """Return a sentence for a number of things that is translated when it is read."""
    return Message(one, values, other, count)
