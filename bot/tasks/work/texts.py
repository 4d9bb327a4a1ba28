"""Texts of explanations: words, numbers, tokens and sentences, which replies write in their reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from string import Formatter
from typing import TYPE_CHECKING, Annotated, TypeAlias, Union

from typing_extensions import TypeAliasType

from bot.inference.json_forms import ByName, Numeric, Tagged
from bot.inference.tokenization.tokens import Token

LONGEST_TEMPLATE = 2_000
"""Characters of a sentence, without its values."""
LONGEST_TAG = 40
"""Characters of a language's."""
MOST_VALUES = 32
"""Of a sentence."""
MOST_TEMPLATES = 1_024
"""Whose fields are remembered: more than the pages have, though other processes may send others."""


class Form(Enum):
    """How a number is written; those with digits are decimals."""

    COUNT = "1,234"
    PERCENT = "83.1%"
    WHOLE_PERCENT = "83 %"
    NORM = "2.50, or 1,234"
    MILLIONS = "67 million"
    RESULT = "0.2689, or 0.00123"
    """Four decimals, or three digits of a small number: in calculations within sentences."""
    GENERAL = "0.7, or 1"
    """As few digits as say it: of settings."""
    WHOLE = 0
    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    FIVE = 5
    SIGNED_ONE = "+2.0"
    SIGNED_TWO = "+2.00"
    SIGNED_THREE = "+2.000"
    SIGNED_FOUR = "+2.0000"


@dataclass(frozen=True)
class Number:
    """A number within a text or a table."""

    value: Annotated[float, Numeric()]
    form: Annotated[Form, ByName()] = Form.THREE


def four(value: float) -> Number:
    """Return a number with four digits: a result, after the numbers that it is worked out from."""
    return Number(value, Form.FOUR)


def grouped(number: int) -> Number:
    """Return a whole number whose thousands are told apart."""
    return Number(number, Form.COUNT)


def general(value: float) -> Number:
    """Return a number with as few digits as say it."""
    return Number(value, Form.GENERAL)


@dataclass(frozen=True)
class Short:
    """A text that is cut to a width in columns."""

    text: str
    width: int


@dataclass(frozen=True)
class LanguageName:
    """The name of a language, in that of whoever reads it."""

    tag: str
    """Of BCP 47, such as "de"."""

    def __post_init__(self) -> None:
        if len(self.tag) > LONGEST_TAG:
            raise ValueError("this is no language's tag")


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a word for people, that is translated and filled in when it is read."""

    template: str
    """In English, with fields: "The answer takes {kept} of the {tokens} written tokens."."""
    values: Mapping[str, Text] = field(default_factory=dict, hash=False)
    """Of the fields, by their names. Without any, braces in the sentence stand for themselves."""
    other: str = ""
    """The English plural, if the sentence counts something."""
    count: int = 0
    """What decides between singular and plural."""

    def __post_init__(self) -> None:
        # What another process sends is filled in here, so it may name values, and nothing of them.
        if len(self.values) > MOST_VALUES or len(self.template) + len(self.other) > 2 * LONGEST_TEMPLATE:
            raise ValueError("this sentence is too long")
        if (self.values or self.other) and not (
            _fields(self.template) <= self.values.keys() and _fields(self.other) <= self.values.keys()
        ):
            raise ValueError("this sentence has fields without values")

    def __format__(self, specification: str) -> str:
        raise TypeError("a sentence is a text of its own: another one holds it as the value of a field")


@lru_cache(MOST_TEMPLATES)
def _fields(template: str) -> frozenset[str]:
    """Return the names of a template's fields; raise `ValueError` if one asks for more than a value as it is."""
    return frozenset(_parsed(template))


def _parsed(template: str) -> Iterator[str]:
    for _, name, specification, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or specification or conversion:
            raise ValueError("this sentence has a field that is no name")
        yield name


@dataclass(frozen=True)
class Listed:
    """Texts with commas between them, as the reader's language has them; the last one may follow an "and"."""

    items: tuple[Text, ...]
    ends_with_and: bool = False


Words: TypeAlias = Annotated[str | Sentence, Tagged()]
"""A title, name or sentence: as it is, or to be translated."""

if TYPE_CHECKING:
    Text: TypeAlias = Union[  # noqa: UP007
        str, float, Token, Number, Short, LanguageName, Sentence, Listed, tuple["Text", ...], None
    ]
else:  # pydantic follows a recursive type by its name, which mypy cannot resolve
    Text = TypeAliasType(
        "Text",
        Annotated[
            str
            | Annotated[float, Numeric()]
            | Token
            | Number
            | Short
            | LanguageName
            | Sentence
            | Listed
            | tuple["Text", ...]
            | None,
            Tagged(),
        ],
    )
"""Words, numbers and tokens behind each other. A `float` has three digits, None is empty."""


def lone(token: Token) -> Token:
    """Return a token that continues nothing, and whose white space is shown."""
    return replace(token, special=False, starts_word=True)


def bracketed(value: float, form: Form = Form.THREE) -> Text:
    """Return a number that may stand after a sign: in brackets if it has one itself."""
    return ("(", Number(value, form), ")") if value < 0 else Number(value, form)


def joined(terms: Iterable[Text], most: int | None = None, sign: Text = " + ") -> tuple[Text, ...]:
    """Return terms with a sign between them; if there are more than `most`, the last one that is shown is "…"."""
    shown = list(terms)
    if most is not None and len(shown) > most:
        shown = [*shown[: most - 1], "…"]
    return tuple(part for index, term in enumerate(shown) for part in ((sign, term) if index else (term,)))


_BETWEEN = Sentence("{first} {second}", {"first": "", "second": ""})
"""What stands between sentences: a space, or nothing in Japanese."""


def spaced(*sentences: Text) -> tuple[Text, ...]:
    """Return sentences behind each other; those that are empty are left out."""
    return joined(filter(None, sentences), sign=_BETWEEN)
