"""Messages: sentences with named fields, in the language of whoever reads them.

A sentence is written in the code in English, whole, with its values as named fields. `_` and `plural` translate it at
once; `later` and `later_plural` make a `Message`, for what is written before it is known who reads it: errors,
explanations, constants. `python -m babel` finds the sentences by these four names (docs/TRANSLATING.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, Union

from bot.locales.catalogue import catalogue
from bot.locales.current import current_locale

Value: TypeAlias = Union[str, int, float, "Message"]


@dataclass(frozen=True)
class Message:
    """A sentence that is translated when it is read."""

    template: str
    """In English, with fields as `str.format` has them: "Please wait {seconds} seconds."."""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    """Of the fields. Messages among them are translated as well."""
    other: str = ""
    """The English plural, if the message counts something."""
    count: int = 0
    """What decides between singular and plural. Both may have it as the field `count`."""
    context: str = ""
    """What tells the message from another one with the same English words."""

    def __str__(self) -> str:
        """Return the sentence in the current locale."""
        messages = catalogue(current_locale())
        match self.context, self.other:
            case "", "":
                text = messages.gettext(self.template)
            case "", other:
                text = messages.ngettext(self.template, other, self.count)
            case context, "":
                text = messages.pgettext(context, self.template)
            case context, other:
                text = messages.npgettext(context, self.template, other, self.count)
        if self.other:
            return text.format(count=self.count, **self.values)
        return text.format(**self.values) if self.values else text

    def __format__(self, specification: str) -> str:
        return format(str(self), specification)


def _(template: str, /, **values: Value) -> str:
    """Return a sentence in the current locale, with its fields filled in.

    Without values, braces in the sentence stand for themselves.
    """
    text = catalogue(current_locale()).gettext(template)
    return text.format(**values) if values else text


def plural(one: str, other: str, /, count: int, **values: Value) -> str:
    """Return the sentence for a number of things, in the current locale. `{count}` is that number."""
    return catalogue(current_locale()).ngettext(one, other, count).format(count=count, **values)


def in_context(context: str, template: str, /, **values: Value) -> str:
    """Return a sentence like `_`, where the same English words must be told apart, such as by what they name."""
    text = catalogue(current_locale()).pgettext(context, template)
    return text.format(**values) if values else text


def later(template: str, /, **values: Value) -> Message:
    """Return a sentence that is translated when it is read."""
    return Message(template, values)


def later_plural(one: str, other: str, /, count: int, **values: Value) -> Message:
    """Return a sentence for a number of things that is translated when it is read."""
    return Message(one, values, other, count)
