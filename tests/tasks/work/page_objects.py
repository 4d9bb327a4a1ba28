"""Page objects: the numbers and texts of each page of an explanation, so that tests can compare them with others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from string import Formatter
from typing import Any, ClassVar

import pytest

from bot.inference.heads.pooling import PoolingMode
from bot.inference.tokenization.tokens import Token
from bot.locales.languages import language_name
from bot.replies.work.numbers import written
from bot.tasks.work.blocks import (
    Bar,
    Bars,
    Chips,
    Confidence,
    File,
    Formula,
    HeatMap,
    Labels,
    Paragraph,
    Postponed,
    Quote,
    Reshaped,
    Scores,
    Table,
)
from bot.tasks.work.other_tokens import Places
from bot.tasks.work.texts import Form, LanguageName, Listed, Number, Sentence, Short

RESULTS = (Form.RESULT, Form.GENERAL, Form.COUNT, Form.WHOLE_PERCENT, Form.WHOLE, Form.ONE, Form.TWO)
"""Forms of numbers within sentences, which tests read as they are written."""


def in_english(value: Any) -> Any:
    """Return a page, or any part of one, with its sentences written in English; only scores stay numbers."""
    match value:
        case Sentence():
            return _flat(_filled(value))
        case Listed(items, ends_with_and):
            ends = [" and " if ends_with_and and index == len(items) - 1 else ", " for index in range(1, len(items))]
            return _flat([in_english(part) for pair in zip(["", *ends], items, strict=True) for part in pair])
        case tuple():
            found = tuple(map(in_english, value))
            return _flat(found) if _has_sentences(value) else found
        case Token() | Number() | Short() | Places():
            return value
        case LanguageName(tag):
            return language_name(tag)
        case Chips(title, rows):
            return Chips(in_english(title), tuple((in_english(name), tokens) for name, tokens in rows))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{one.name: _of_field(value, one.name) for one in fields(value)})
        case _:
            return value


def _has_sentences(text: Any) -> bool:
    return any(isinstance(one, Sentence | Listed) for one in _apart([text]))


def _apart(parts: Iterable[Any]) -> Iterator[Any]:
    """Yield texts that stand behind each other; results within them as they are written."""
    for part in parts:
        if isinstance(part, tuple):
            yield from _apart(part)
        else:
            yield written(part) if isinstance(part, Number) and part.form in RESULTS else part


def _of_field(value: Any, name: str) -> Any:
    found = getattr(value, name)
    is_many = isinstance(found, tuple) and name not in ("text", "note", "total", "sentence")
    return tuple(map(in_english, found)) if is_many else in_english(found)


def _filled(one: Sentence) -> Iterator[Any]:
    template = one.other if one.other and one.count != 1 else one.template
    for literal, name, _, _ in Formatter().parse(template):
        yield literal
        if name is not None:
            value: Any = one.values[name]
            is_result = isinstance(value, Number) and value.form in RESULTS
            yield written(value) if is_result else str(value) if isinstance(value, int) else in_english(value)


def _flat(parts: Iterable[Any]) -> Any:
    """Put texts behind each other; one of words alone is a string."""
    found: list[Any] = []
    for one in _apart(parts):
        if isinstance(one, str) and found and isinstance(found[-1], str):
            found[-1] += one
        elif one not in ("", None):
            found.append(one)
    return found[0] if len(found) == 1 and isinstance(found[0], str) else tuple(found) if found else ""


class PageObject:
    """The content of a page.

    Attributes:
        NAME: a pattern for the whole name of such pages, without the number that tells equal names apart.
    """

    NAME: ClassVar[str]

    def __init_subclass__(cls) -> None:
        made: Any = cls.__init__
        if "__init__" in vars(cls):
            found: Any = cls
            found.__init__ = lambda self, page=None, *rest, **options: made(self, in_english(page), *rest, **options)

    def __init__(self, page: Any) -> None:
        self.page = page
        self.texts_of_page = [said(block.text) for block in page.blocks if isinstance(block, Paragraph)]
        self.tables: list[Any] = [block for block in page.blocks if isinstance(block, Table)]
        self.quotes = [block.text for block in page.blocks if isinstance(block, Quote)]
        self.formulas = [block for block in page.blocks if isinstance(block, Formula)]

    @classmethod
    def is_of(cls, page: Any) -> bool:
        return re.fullmatch(cls.NAME, name_of(page)) is not None

    def column(self, title: str, table: int = 0) -> tuple[Any, ...]:
        return column(self.tables[table], title)

    def found(self, pattern: str) -> tuple[Any, ...]:
        """The groups of a pattern in the page's paragraphs; as many None if no paragraph matches."""
        match = re.search(pattern, "\n".join(self.texts_of_page))
        return match.groups() if match else (None,) * re.compile(pattern).groups

    @property
    def file(self) -> Any:
        [table] = [block.table for block in self.page.blocks if isinstance(block, File)]
        return table


def name_of(page: Any) -> str:
    """A page's name without the number that tells equal names apart."""
    return re.sub(r" \(\d+\)$", "", page.name)


def column(table: Any, title: str) -> tuple[Any, ...]:
    [found] = [one for one in table.columns if one.title == title]
    return tuple(cell.text if isinstance(cell, Short) else cell for cell in found.cells)


def columns(table: Any, *titles: str) -> list[tuple[Any, ...]]:
    """The rows of some columns."""
    return list(zip(*(column(table, title) for title in titles), strict=True))


def total(table: Any, title: str) -> Any:
    [found] = [one.total for one in table.columns if one.title == title]
    return found


def said(text: Any) -> str:
    """A text whose numbers have all their digits."""
    match text:
        case tuple():
            return "".join(map(said, text))
        case Number(value, form):
            return written(text) if form in RESULTS else repr(value)
        case Token(words) | Short(words):
            return words
        case _:
            return str(text)


def numbers(text: Any) -> list[float]:
    """The numbers in a text."""
    match text:
        case tuple():
            return [one for part in text for one in numbers(part)]
        case Number(value):
            return [value]
        case float():
            return [text]
        case _:
            return []


class Prepared(PageObject):
    NAME = "Text"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.texts, [self.how] = tuple(self.quotes), self.texts_of_page
        self.to_end = [block.to_end for block in page.blocks if isinstance(block, Quote)]


class Tokens(PageObject):
    NAME = "Tokens"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.rows = tuple(column(table, "token") for table in self.tables)
        self.names = tuple(table.name.rsplit(": ", 1)[0] for table in self.tables if table.name)
        batch, sequence, note = self.found(r"shape \((\d+), (\d+)\), which is \(batch, sequence\)\.(.*)")
        self.shape, self.note = (int(batch), int(sequence)), note.strip()
        self.truncated = "was left out." in note
        assert isinstance(page.picture, Chips)
        assert tuple(tokens for _, tokens in page.picture.rows) == self.rows
        for row, table in zip(self.rows, self.tables, strict=True):
            assert column(table, "id") == tuple(token.id for token in row)
            assert column(table, "#") == tuple(range(len(row)))


@dataclass
class Architecture(PageObject):
    NAME = "Model"

    family: str
    model_type: str
    layers: int
    decoder_layers: int
    heads: int
    hidden_size: int
    parameters: int
    vocabulary: int
    context: int

    def __init__(self, page: Any) -> None:
        [table] = [block for block in page.blocks if isinstance(block, Table)]
        facts: dict[Any, Any] = dict(zip(table.columns[0].cells, table.columns[1].cells, strict=True))
        self.family, self.model_type = facts["family"], facts["model type"]
        self.layers, self.decoder_layers = (*_whole(facts["layers"]), 0)[:2]
        [self.heads] = _whole(facts["attention heads"])
        self.hidden_size, self.parameters = facts["hidden size"].value, facts["parameters"].value
        [self.vocabulary], [self.context] = _whole(facts["vocabulary"]), _whole(facts["reads at most"])


def _whole(said: Any) -> list[int]:
    """The whole numbers of a text."""
    return [int(one.replace(",", "")) for one in re.findall(r"\d[\d,]*", str(said))]


class HiddenStates(PageObject):
    NAME = "Hidden states(: .*)?"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.part = name_of(page).partition(": ")[2]
        self.shape = tuple(map(int, self.found(r"shape \((\d+), (\d+), (\d+)\)")))
        norms, first = self.column("norm"), self.column("first token")
        end = self.column("after").index("final norm") if "final norm" in self.column("after") else len(norms)
        self.norms, self.first, self.final = norms[:end], first[:end], (*norms[end:], *first[end:])
        self.row = self.found("the row “(.*)”, read alone")[0] or ""


class Logits(PageObject):
    """By the labels in alphabetical order."""

    NAME = "Logits and (softmax|sigmoid)"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.independent = page.name.endswith("sigmoid")
        rows = sorted(zip(*(self.column(title) for title in ("label", "logit", "p")), strict=True))
        self.labels, self.logits, self.probabilities = zip(*rows, strict=True)
        assert isinstance(page.picture, Bars)
        assert (page.picture.names, page.picture.values) == (self.column("label"), self.column("p"))

    @property
    def shares(self) -> dict[str, float]:
        return dict(zip(self.labels, self.probabilities, strict=True))


class TokenLogits(Logits):
    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.place = int(self.found(r"As an example, token (\d+): “")[0])
        first: Any = page.blocks[0]
        self.token = first.text[1]

    @classmethod
    def is_of(cls, page: Any) -> bool:
        return super().is_of(page) and isinstance(page.blocks[0], Paragraph)


@dataclass
class Candidate:
    text: str
    id: int
    probability: float
    logit: float | None = None


class MaskCandidates(PageObject):
    NAME = r"Mask \d+: logits"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        mask, position = self.found(r"Mask (\d+) is token (\d+) of the text")
        self.mask, self.position = int(mask), int(position)
        rows = zip(self.column("token"), self.column("p"), self.column("logit"), strict=True)
        self.candidates = [Candidate(token.text, token.id, p, logit) for token, p, logit in rows]
        assert [one.id for one in self.candidates] == list(self.column("id"))
        left_out = self.found(r"are no words: (.*?)(?: and (\d+) more)?\. The words keep")
        self.left_out = [int(one) for one in re.findall(r"\(id (\d+)\)", left_out[0] or "")]
        self.further = int(left_out[1] or 0)


@dataclass
class Rescored:
    word: str
    log_probability: float
    as_answer: float
    probability: float


class RescoredCandidates(PageObject):
    NAME = r"Mask \d+: candidates"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.mask, [self.how] = int(page.name.split()[1].strip(":")), self.texts_of_page
        columns = [self.column(title) for title in ("word", "log p", "asked", "share")]
        self.candidates = [Rescored(*row) for row in zip(*columns, strict=True)]


@dataclass
class Inference:
    label: str
    logits: tuple[float, ...]
    probability: float


class Inferences(PageObject):
    NAME = "Entailment"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        legend, self.how = self.texts_of_page
        pairs = [one.split(" is ") for one in legend.removeprefix("Logits: ").removesuffix(".").split(", ")]
        self.classes = tuple(name for _, name in pairs)
        assert [one.title for one in self.tables[0].columns] == [*(short for short, _ in pairs), "label"]
        logits = zip(*(one.cells for one in self.tables[0].columns[:-1]), strict=True)
        rows = zip(self.column("label"), logits, self.column("p", 1), strict=True)
        self.rows = [Inference(*row) for row in rows]
        assert self.column("label") == self.column("label", 1)


@dataclass
class WeighedLabel:
    label: str
    log_probability: float
    baseline: float
    score: float
    probability: float


class WeighedLabels(PageObject):
    NAME = "Labels weighed"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        columns = [self.column(title) for title in ("label", "log p", "base", "score")]
        self.rows = [WeighedLabel(*row) for row in zip(*columns, self.column("p", 1), strict=True)]
        [self.how] = self.texts_of_page
        assert self.column("label") == self.column("label", 1)


@dataclass
class WrittenToken:
    token: Token
    probability: float
    drawn_with: Any  # None if the likeliest token was taken
    nucleus: Any
    alternatives: list[Candidate]
    apart: bool


class Written(PageObject):
    """The page of a text's tokens, with that of the alternatives."""

    NAME = "Written tokens(: .*)?"

    def __init__(self, page: Any, others: Any = None) -> None:
        super().__init__(page)
        self.name = name_of(page).partition(": ")[2]
        temperature, top_p = self.found(r"after temperature (\S+) and top_p (\S+);")
        self.temperature, self.top_p = float(temperature or 0), float(top_p or 1)
        self.ended = "The model ended the text itself." in self.texts_of_page
        self.others = others
        picture = page.picture
        assert isinstance(picture, Confidence)
        self.tokens = [self._token(place, picture) for place in range(len(picture.tokens))]

    def _token(self, place: int, picture: Confidence) -> WrittenToken:
        token: Token = self.column("token")[place]
        assert picture.probabilities[place] == self.column("p")[place]
        starts = token.starts_word and not token.special and not token.text[:1].isspace()
        drawn, left = (self.column("drawn")[place], self.column("left")[place]) if self.temperature else (None, None)
        apart = starts and not picture.tokens[place].startswith(" ")
        return WrittenToken(token, picture.probabilities[place], drawn, left, self._alternatives(place, picture), apart)

    def _alternatives(self, place: int, picture: Confidence) -> list[Candidate]:
        if self.others is None:
            return []
        [table] = [block for block in self.others.blocks if isinstance(block, Table)]
        names, shares = column(table, "token"), column(table, "p")
        first = next(index for index, name in enumerate(names) if name[0] == f"{place + 1}. ") + 1
        found = [
            Candidate(text, names[first + rank][1].id, shares[first + rank])
            for rank, (text, _) in enumerate(picture.alternatives[place])
        ]
        assert [one.probability for one in found] == [share for _, share in picture.alternatives[place]]
        return found


@dataclass
class Lengths(PageObject):
    NAME = "Written tokens(: .*)?"

    encoder: int
    decoder: int

    def __init__(self, page: Any = None, encoder: int = 0, decoder: int = 0) -> None:
        if page is not None:
            super().__init__(page)
            pattern = r"The encoder read (\S+) tokens at once. The decoder wrote ([\d,]+),"
            encoder, decoder = (int(one.replace(",", "")) for one in self.found(pattern))
        self.encoder, self.decoder = encoder, decoder

    @classmethod
    def is_of(cls, page: Any) -> bool:
        return super().is_of(page) and "The encoder read" in str(page.blocks[0])


@dataclass
class Shaped:
    id: int
    before: float
    after: Any  # None if nothing was drawn


class Distribution(PageObject):
    NAME = "Temperature and top_p|The least likely token"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        place, self.name = self.found(r"Token (\d+)(?: of (.*?))?, the least likely")
        self.place, self.name = int(place) - 1, self.name or ""
        temperature, top_p = self.found(r"Temperature (\S+) and top_p (\S+) ")
        self.temperature, self.top_p = float(temperature or 0), float(top_p or 1)
        cells = self.column("token")
        tokens = [cell if isinstance(cell, Token) else cell[0] for cell in cells]
        [self.chosen] = [index for index, cell in enumerate(cells) if isinstance(cell, tuple)]
        picture: Any = page.picture
        assert isinstance(picture, Reshaped if self.temperature else Bars)
        after: Any = vars(picture)["after"] if self.temperature else [None] * len(cells)
        before = self.column("before" if self.temperature else "p")
        self.candidates = [
            Shaped(token.id, one, other) for token, one, other in zip(tokens, before, after, strict=True)
        ]
        self.apart = all(token.starts_word for token in tokens)


class PostponedAttribution(PageObject):
    NAME = "Which words mattered"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        assert isinstance(page.postponed, Postponed)
        self.label, self.explained = page.postponed.label, page.postponed.explained

    @classmethod
    def is_of(cls, page: Any) -> bool:
        return super().is_of(page) and page.postponed is not None


class PostponedPairs(PostponedAttribution):
    NAME = "Word pairs"


class Attribution(PageObject):
    NAME = "Which words mattered"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        picture = page.picture
        assert isinstance(picture, Scores)
        self.label, self.tokens, self.scores = picture.label, picture.tokens, picture.values
        added, *others = numbers(picture.note)
        assert added == pytest.approx(sum(self.scores))
        # Of words: where the number starts and ends, each with its probability.
        self.difference = others[0] if len(others) == 1 else others[2] - others[0]
        assert sorted(self.scores, key=lambda score: -abs(score)) == list(self.column("score"))

    @classmethod
    def is_of(cls, page: Any) -> bool:
        return super().is_of(page) and isinstance(page.picture, Scores)


class Ending(PageObject):
    """`tokens` and `kept` are None if nothing was cut off."""

    NAME = "Ending"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.why = self.texts_of_page[0]
        kept, tokens = self.found(r"The answer takes (\S+) of the (\S+) written tokens")
        self.kept: Any
        self.tokens: Any
        self.kept, self.tokens = (None if one is None else int(one.replace(",", "")) for one in (kept, tokens))
        self.rest = "".join(self.quotes)


@dataclass
class LabelledToken:
    token: Token
    label: str | None
    logits: tuple[float, ...]
    probability: float


class LabelledTokens(PageObject):
    NAME = "Labels of the tokens"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        columns = self.file.columns[:-1]
        self.labels = tuple(one.title for one in columns)
        picture = page.picture
        assert isinstance(picture, Labels)
        logits = zip(*(one.cells for one in columns), strict=True)
        given = [label or None for label in self.column("label")]
        rows = zip(self.column("token"), given, logits, picture.probabilities, strict=True)
        self.rows: list[Any] = [LabelledToken(*row) for row in rows]
        shown = [None if one.label is None else one.probability for one in self.rows]
        assert list(self.column("p")) == shown


@dataclass
class LabelledWord:
    tokens: tuple[Token, ...]
    label: str
    probability: float


class LabelledWords(PageObject):
    NAME = "Words"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        [_, _, words] = self.tables[0].columns
        self.marked = words.title == "word"
        columns = (self.column(words.title), self.column("label"), self.column("p"))
        self.rows = [LabelledWord(*row) for row in zip(*columns, strict=True)]


@dataclass
class Span:
    text: str
    label: str
    probability: float
    parts: int


class Spans(PageObject):
    NAME = "Entities"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        titles = ("entity", "label", "p", "parts")
        self.rows = [Span(*row) for row in zip(*map(self.column, titles), strict=True)] if self.tables else []
        self.outside = int(self.found(r"with the label O: ([\d,]+)\.")[0].replace(",", ""))
        self.means = [numbers(formula.lines[1:]) for formula in self.formulas]


@dataclass
class PossibleAnswer:
    text: str
    log_probability: float
    share: float


class Questions(PageObject):
    NAME = "Answers"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        first, *self.names = self.texts_of_page
        self.about = first.removeprefix("As an example, the questions about ").removesuffix(".")
        self.rows = [
            [
                PossibleAnswer(*row)
                for row in zip(*(column(table, one) for one in ("answer", "log p", "share")), strict=True)
            ]
            for table in self.tables
        ]


@dataclass
class NameKinds:
    name: str
    places: int
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]


class WeighedNames(PageObject):
    NAME = "Names"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        titles = [one.title for one in self.file.columns]
        self.kinds = tuple(one.removeprefix("score ") for one in titles if one.startswith("score "))
        self.outside = self.texts_of_page[0].split()[0]
        self.truncated = "The text has more names" in self.texts_of_page[0]
        scores, shares = (columns(self.file, *(f"{of} {kind}" for kind in self.kinds)) for of in ("score", "p"))
        places = [re.search(r"\((\d+) times\)$", name) for name in self.column("name")]
        times = [1 if found is None else int(found[1]) for found in places]
        self.rows: list[Any] = [
            NameKinds(*row) for row in zip(column(self.file, "name"), times, scores, shares, strict=True)
        ]


@dataclass
class PooledText:
    text: str
    tokens: int
    norm: float
    unit: tuple[Any, ...]


class Pooled(PageObject):
    NAME = "Pooling"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.mode = PoolingMode.CLS if "**first token**" in page.about else PoolingMode.MEAN
        texts = [text.split("  ", 1)[1] for text in self.column("text")]
        rows = zip(texts, self.column("tokens"), self.column("|v|"), self.file.columns[:-1], strict=True)
        self.rows: list[Any] = [PooledText(text, tokens, norm, unit.cells) for text, tokens, norm, unit in rows]
        [formula] = self.formulas
        self.beginning = numbers(formula.lines[1])
        assert numbers(formula.lines[3]) == [self.rows[0].norm]
        assert numbers(formula.lines[5]) == list(self.rows[0].unit[:3])


@dataclass
class Product:
    place: int
    first: float
    second: float
    product: float


class DotProduct(PageObject):
    NAME = "Dot product"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        first, second, *_ = (one.title for one in self.tables[0].columns)
        self.pair = tuple(int(one.removeprefix("text ")) - 1 for one in (first, second))
        columns = [self.column(title) for title in ("dimension", first, second, "product")]
        self.products = [Product(place - 1, *row) for place, *row in zip(*columns, strict=True)]
        self.cosine = total(self.tables[0], "product")


class Cosines(PageObject):
    NAME = "Cosines"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.texts = self.column("text")
        assert isinstance(page.picture, HeatMap)
        self.values = page.picture.values
        pairs = [tuple(int(one) - 1 for one in pair.split(" and ")) for pair in self.column("texts", 1)]
        self.ranked = all(first == 0 for first, _ in pairs)
        assert self.column("cosine", 1) == tuple(self.values[first][second] for first, second in pairs)


@dataclass
class Border:
    place: int
    token: Token
    logit: float
    probability: float


class Borders(PageObject):
    """By the tokens' places."""

    NAME = "(Start|End) logits"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.side = page.name.split()[0]
        columns = [self.column(title) for title in ("#", "token", "logit", "p")]
        self.tokens = [Border(*row) for row in sorted(zip(*columns, strict=True), key=lambda row: row[0])]
        self.window = self.found("tokens of (.*) take part")[0] or ""
        self.masked = int(self.found("The other (.*?), the question's")[0].replace(",", ""))
        chosen = [int(said(one.lines[0]).split()[-1].strip(")")) for one in self.formulas]
        self.chosen = next((token for token in self.tokens if token.place in chosen), None)


@dataclass
class SpanCandidate:
    text: str
    first: int
    last: int
    probability: float


class SpanCandidates(PageObject):
    NAME = "Start × end"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        titles = ("span", "from", "to", "p")
        rows = zip(*(self.column(title) for title in titles), strict=True) if self.tables else []
        self.candidates = [SpanCandidate(*row) for row in rows]
        [self.how] = self.texts_of_page
        *self.best, self.absent = (numbers(formula.lines) for formula in self.formulas)


@dataclass
class WindowAnswer:
    name: str
    text: str
    probability: float
    absent: float


class WindowAnswers(PageObject):
    NAME = "Windows"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        rows = zip(*(self.column(title) for title in ("in", "answer", "p", "none")), strict=True)
        self.rows = [WindowAnswer(*row) for row in rows]
        [self.how] = self.texts_of_page


class Quotation(PageObject):
    NAME = "In the context"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        *names, self.how = self.texts_of_page
        texts = dict(zip(names, self.quotes, strict=True))
        self.line, self.quote = texts.get("Written:", ""), texts.get("Marked in the context:", "")
        self.answer = texts.get("Tidied up:", self.line)


@dataclass
class WeighedToken:
    token: Token
    after: float
    usual: float
    gain: float


class WeighedAnswer(PageObject):
    NAME = "Answer weighed"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        columns = [self.column(title) for title in ("token", "log p", "base", "gain")]
        self.tokens = [WeighedToken(*row) for row in zip(*columns, strict=True)]
        _, self.how, _ = self.texts_of_page
        [self.neutral] = self.quotes


@dataclass
class PartSummary:
    read: int
    written: int
    text: str


class SummaryRounds(PageObject):
    NAME = "Parts"

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.how = self.texts_of_page[0]
        self.rounds = [
            [
                PartSummary(*row)
                for row in zip(*(column(table, one) for one in ("read", "wrote", "summary")), strict=True)
            ]
            for table in self.tables
        ]


@dataclass
class Decision:
    """A paragraph of the page of the decision, with the bar below it."""

    sentence: str
    label: str | None = None
    probability: float | None = None


def decisions_of(page: Any) -> list[Decision]:
    page = in_english(page)
    found: list[Decision] = []
    for block in page.blocks:
        if isinstance(block, Bar):
            found[-1] = Decision(found[-1].sentence, str(block.label), block.probability)
        else:
            assert isinstance(block, Paragraph)
            found.append(Decision(said(block.text)))
    return found


KINDS = (
    *(Prepared, Tokens, Architecture, HiddenStates, TokenLogits, Logits, MaskCandidates, RescoredCandidates),
    *(Inferences, WeighedLabels, Written, Distribution, PostponedAttribution, Attribution, PostponedPairs),
    *(Ending, LabelledTokens, LabelledWords, Spans, Questions, WeighedNames, Pooled, DotProduct, Cosines, Borders),
    *(SpanCandidates, WindowAnswers, Quotation, WeighedAnswer, SummaryRounds),
)


def objects_of(work: Any, kind: type[Any]) -> list[Any]:
    """The contents of all pages of a kind."""
    work = in_english(work)
    if kind is Decision:
        return decisions_of(work.pages[-1])
    if kind is Written:
        others = {name_of(page).partition(": ")[2]: page for page in work.pages if page.name.startswith("Alternatives")}
        pages = [page for page in work.pages if Written.is_of(page)]
        return [Written(page, others.get(name_of(page).partition(": ")[2])) for page in pages]
    return [kind(page) for page in work.pages if kind.is_of(page)]


def kinds_of(work: Any) -> list[str]:
    """The kinds of all pages, in order; alternatives belong to the page of the written tokens.

    The pages of the layers, of token pairs, of the words that made it write a text, and of what would flip a label have
    tests of their own: `test_layers`, `test_token_pairs`, `test_writing_evidence` and `test_flipping`.
    """
    apart = ["Alternatives", "Decision", "Layer by layer", "What each layer", "Token pairs", "Which words made it"]
    work = in_english(work)
    pages = [page for page in work.pages if not page.name.startswith((*apart, "What would flip it"))]
    names = [next(kind for kind in KINDS if kind.is_of(page)).__name__ for page in pages]
    return [*names, *["Decision"] * len(decisions_of(work.pages[-1]))]
