"""Explanations: pages of blocks, with numbers as numbers. Replies decide how they look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field

from bot.inference.json_forms import ByName, Tagged
from bot.inference.requests import Result
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.other_tokens import Places
from bot.tasks.work.texts import Form, Text, Words

MOST_ROWS = 32
"""Rows of a table on a page: about a screen of a phone. The file has all."""


@dataclass(frozen=True)
class Paragraph:
    """Sentences, in which people's words may stand."""

    text: Text


@dataclass(frozen=True)
class Quote:
    """A text that a person or a model wrote. If there isn't room for all of it, its start stays, or its end."""

    text: str
    to_end: bool = False


@dataclass(frozen=True)
class Formula:
    """Lines of a calculation, with the numbers put in."""

    lines: tuple[Text, ...]


def formula(*lines: Text) -> Formula:
    """Make a formula."""
    return Formula(lines)


@dataclass(frozen=True)
class Column:
    """A column of a table, whose total stands below all rows."""

    title: Words
    cells: tuple[Text, ...]
    form: Annotated[Form, ByName()] = Form.THREE
    total: Text = None


@dataclass(frozen=True)
class Table:
    """Numbers in columns; the last column is a text."""

    columns: tuple[Column, ...]
    most: int = MOST_ROWS
    """Rows on a page; the file has all."""
    name: Words = ""
    """Heading; neither is shown without the other."""
    lines: int = 1
    """The most lines of a row's text on a page."""


def column(title: Words, cells: Iterable[Text], form: Form = Form.THREE, total: Text = None) -> Column:
    """Make a column."""
    return Column(title, tuple(cells), form, total)


def table(*columns: Column, most: int = MOST_ROWS, name: Words = "", lines: int = 1) -> Table:
    """Make a table."""
    return Table(columns, most, name, lines)


@dataclass(frozen=True)
class File:
    """A table that only the attached file has room for, and a sentence about it that stands on the page."""

    sentence: Text
    table: Table


@dataclass(frozen=True)
class Bar:
    """A label of the answer, with its probability."""

    label: Words
    probability: float


@dataclass(frozen=True)
class Postponed:
    """What the words of a text add to a label's log-odds; computed when somebody opens its page."""

    label: str
    """Positive scores will speak for it."""
    explained: Words
    """The number that is explained: a sentence."""
    index: int
    """Of the label among the command's."""


@dataclass(frozen=True)
class PostponedWriting:
    """What the words of a prompt add to the log-probabilities of a written text; computed when its page is opened."""

    text: str
    """Whose words are weighed."""
    written: tuple[int, ...]
    """Token ids."""
    by_lines: bool = False
    """Its lines are weighed instead: they are people's messages."""


@dataclass(frozen=True)
class WrittenShares:
    """What each part of a text adds to the log-probability of each word that was written after it.

    A page shows the words in short; a menu below it chooses one, whose scores are shown instead of all words' together.
    """

    noun: str
    """Names a part, such as "word"."""
    parts: tuple[str, ...]
    words: tuple[str, ...]
    start: tuple[float, ...]
    """The log p of each word without any part."""
    end: tuple[float, ...]
    """With all parts."""
    values: tuple[tuple[float, ...], ...]
    """A row of each written word, with a number for each part."""
    errors: tuple[tuple[float, ...], ...]
    """Standard errors, of the same shape; empty if no value was sampled."""
    add_up: bool
    """Whether a row sums to what all parts add."""


@dataclass(frozen=True)
class PostponedFlip:
    """The least change of a text that gives it another label; looked for when somebody opens its page."""

    label: str
    """The text's own."""


Waiting: TypeAlias = Postponed | PostponedWriting | PostponedFlip

Block: TypeAlias = Paragraph | Quote | Formula | Table | File | Bar | WrittenShares | Waiting


@dataclass(frozen=True)
class Bars:
    """A picture of bars; if the values aren't probabilities, they go both ways from zero."""

    title: Words
    names: tuple[Text, ...]
    values: tuple[float, ...]
    probabilities: bool = True
    marks: tuple[Words, ...] = ()
    """A word beside each number, or ""; bars with one stand out, rather than the largest."""


@dataclass(frozen=True)
class Chips:
    """A picture of tokens, in named rows."""

    title: Words
    rows: tuple[tuple[Words, tuple[Token, ...]], ...]


@dataclass(frozen=True)
class Norms:
    """A picture of the lengths of vectors, layer by layer."""

    title: Words
    values: tuple[float, ...]


@dataclass(frozen=True)
class HeatMap:
    """A picture of a number for each pair of texts."""

    title: Words
    names: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TokenPairs:
    """A picture of what each pair of tokens, one of each text, adds to a cosine."""

    title: Words
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    cosine: float
    """The sum of the values, and of those of tokens that are not shown."""


@dataclass(frozen=True)
class Strips:
    """A picture of vectors, a strip of colours for each."""

    title: Words
    names: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Confidence:
    """A picture of a written text, coloured by its tokens' probabilities, with the alternatives of each token."""

    title: Words
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    alternatives: tuple[tuple[tuple[str, float], ...], ...]


@dataclass(frozen=True)
class Reshaped:
    """A picture of probabilities before and after temperature and top_p; one of them may have been chosen."""

    title: Words
    names: tuple[Text, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    chosen: int | None


@dataclass(frozen=True)
class Labels:
    """A picture of tokens with their labels, and a colour for each kind; special tokens have neither, but ""."""

    title: Words
    tokens: tuple[Token, ...]
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Scores:
    """A picture of how much each token speaks for or against a label, with a note below it."""

    title: Words
    label: Words
    tokens: tuple[Token, ...]
    values: tuple[float, ...]
    note: Text
    decimals: int = 2
    """That are shown of each value."""
    noun: str = "token"
    """Names what is scored."""


@dataclass(frozen=True)
class Guesses:
    """A picture of what would be predicted after each layer, of the embeddings first."""

    title: Words
    texts: tuple[str, ...]
    probabilities: tuple[float, ...]
    followed: str
    """A text whose probabilities are followed through the layers."""
    followed_probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Additions:
    """A picture of what each layer adds to the logit of a text minus that of another, of the embeddings first."""

    title: Words
    values: tuple[float, ...]
    text: str
    other: str


@dataclass(frozen=True)
class Station:
    """A part of a request's way, with its numbers, and the page that opens it up, as people count; None for none."""

    name: Words
    fact: Text
    page: int | None


@dataclass(frozen=True)
class Path:
    """A picture of a request's way."""

    title: Words
    stations: tuple[Station, ...]


Picture: TypeAlias = (
    Bars
    | Chips
    | Norms
    | HeatMap
    | TokenPairs
    | Strips
    | Confidence
    | Reshaped
    | Labels
    | Scores
    | Guesses
    | Additions
    | Path
)


@dataclass(frozen=True)
class Variant:
    """Another view of a page, from the same numbers: its name in a menu, and what takes the place of the page's own."""

    name: Words
    blocks: tuple[Annotated[Block, Tagged()], ...]
    picture: Annotated[Picture | None, Tagged()] = None


@dataclass(frozen=True)
class Page:
    """One step on the way from the text to the answer."""

    name: Words
    """In the menu and the title."""
    about: Words
    """An introduction in Markdown of our own, without anybody's text."""
    blocks: tuple[Annotated[Block, Tagged()], ...]
    picture: Annotated[Picture | None, Tagged()] = None
    is_estimate: bool = False
    """Whether it shows numbers that can be computed more closely."""
    strongest: tuple[int, ...] = ()
    """Of a first look for changes: indices of the text's words, those first that matter most to its label."""
    variants: tuple[Variant, ...] = ()
    places: Annotated[Places | None, Field(exclude_if=lambda places: places is None)] = None
    """The places of the text on it from which another one can go on with another token."""

    @property
    def postponed(self) -> Waiting | None:
        """The attribution that this page still waits for."""
        return next((block for block in self.blocks if isinstance(block, Waiting)), None)

    @property
    def written_shares(self) -> WrittenShares | None:
        """What the words of a text add to each word that was written, of which a menu chooses one."""
        return next((block for block in self.blocks if isinstance(block, WrittenShares)), None)


@dataclass(frozen=True)
class Explanation(Result):
    """How an answer came about: its pages, in the order of the request's path. No two have the same name."""

    pages: tuple[Page, ...]

    def page_at(self, number: int) -> tuple[int, Page]:
        """Return a page with its number, from 0; the nearest page if there is none of this number."""
        number = min(max(number, 0), len(self.pages) - 1)
        return number, self.pages[number]
