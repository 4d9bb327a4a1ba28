"""What each checkpoint has answered, with what differs marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.inference.requests import LabelScore
from bot.locales.lists import enumerated
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole as in_digits
from bot.pictures.wording import as_chip
from bot.replies.comparing import verdicts
from bot.replies.comparing.differences import by_membership, by_order, by_place, in_common
from bot.replies.comparing.families import VERDICT, family_of, masks_in_words, out_of
from bot.replies.formatting.bars import bar_line, percent, plain_line
from bot.replies.formatting.more import and_more
from bot.replies.formatting.text import Style, escape, fit, in_pieces, inside_quote, units
from bot.replies.results.entities import NONE, label_in_words
from bot.text.characters import CUT, identity

Lines: TypeAlias = "list[str]"

LABEL = 40
"""Units of a label or a word beside its bar."""
OWN = 200
"""Units of what a model wrote itself, beside its masks."""
MOST_LINES = 8
LINE_OF_REST, LINE_OF_FACTS = 20, 60
"""Units that are kept for a column's last line: how many more there are, and the number of tokens."""
# Translators: stands for a text that a model has left empty; keep the asterisks.
NOTHING = later("*nothing*")
# Only the first word has the white space before it: otherwise each character of a blank text would be a new start.
_WORD = re.compile(r"(?:\A\s++)?+\S++\s*+")


@dataclass(frozen=True)
class Column:
    """One checkpoint's answer.

    Attributes:
        lines: Markdown.
        plain: the same for a file, whole.
        cut: whether the lines leave something out.
    """

    lines: tuple[str, ...]
    plain: str
    cut: bool = False


@dataclass(frozen=True)
class Columns:
    """All answers, and a sentence about what differs."""

    columns: tuple[Column, ...]
    verdict: str
    marks: bool
    """Whether anything is marked."""


View: TypeAlias = Callable[[Any, Sequence[Any], int], Columns]
"""Lays results of one request side by side: `(request, results, units for each)`."""


def labels(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show labels with their probabilities. Marked are those at whose place others have another one."""
    lists = [[identity(score.label) for score in result.scores] for result in results]
    marks = by_place(lists)
    columns = [_scored(result.scores, marked, room, 1) for result, marked in zip(results, marks, strict=True)]
    verdict = verdicts.said([result.scores[0].label for result in results])
    return Columns(tuple(columns), verdict, any(map(any, marks)))


def words(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show the likeliest words of each mask. Marked are those that not all propose."""
    masks = [[[LabelScore(guess.word, guess.probability) for guess in mask] for mask in one.masks] for one in results]
    number = min(map(len, masks))
    marks = [by_membership([[identity(score.label) for score in one[mask]] for one in masks]) for mask in range(number)]
    columns: list[Column] = []
    for index, one in enumerate(masks):
        if number == 1:
            columns.append(_scored(one[0], marks[0][index], room, 1))
            continue
        rows = [_in_a_row(scores, marks[mask][index]) for mask, scores in enumerate(one[:number])]
        plain = "\n".join(plain_line(score.probability, score.label) for scores in one for score in scores)
        columns.append(_fitted([f"{mask}. {row}" for mask, row in enumerate(rows, 1)], plain, room))
    first = [" … ".join(scores[0].label for scores in one[:number]) for one in masks]
    return Columns(tuple(columns), verdicts.put_first(first), any(any(map(any, one)) for one in marks))


def names(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show entities. Marked are those that not all find, with the same ends and the same label."""
    lists = [[(one.start, one.end, identity(one.label)) for one in result.entities] for result in results]
    marks = by_membership(lists)
    columns: list[Column] = []
    for result, marked in zip(results, marks, strict=True):
        lines, plain = [], []
        for one, differs in zip(result.entities, marked, strict=True):
            text, label = request.text[one.start : one.end], label_in_words(one.label)
            name = _marked(f"**{_short(text)}** · {_short(label)}", differs)
            lines.append(bar_line(one.probability, name))
            plain.append(plain_line(one.probability, f"{label}  {text}"))
        columns.append(_fitted(lines or [str(NONE)], "\n".join(plain) or str(NONE).strip("*"), room))
    found, agreed = {one for names in lists for one in names}, set(lists[0]).intersection(*lists[1:])
    verdict = verdicts.found(len(results), len(found), len(agreed))
    return Columns(tuple(columns), verdict, any(map(any, marks)))


def tokens(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show tokens without special ones. Marked are those that others do not have in this place."""
    texts = [[token for token in result.texts[0].tokens if not token.special] for result in results]
    marks = by_order([[identity(token.text) for token in one] for one in texts])
    columns: list[Column] = []
    for result, one, marked in zip(results, texts, marks, strict=True):
        line, cut, facts = "", False, _facts(len(one), result.vocabulary)
        left = room - max(LINE_OF_FACTS, units(facts) + len(f" {CUT}\n"))
        for token, differs in zip(one, marked, strict=True):
            piece = f"{' | ' if line else ''}{_marked(escape(as_chip(token.text)), differs)}"
            if units(line + piece) > left:
                line, cut = f"{line} {CUT}", True
                break
            line += piece
        columns.append(Column((line, facts), f"{facts}\n{' | '.join(token.text for token in one)}", cut))
    verdict = verdicts.cut([len(one) for one in texts], is_same=not any(map(any, marks)))
    return Columns(tuple(columns), verdict, any(map(any, marks)))


def texts(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show texts. Marked are the words that not all have in this place."""
    written = [_text(result) for result in results]
    pieces = [_WORD.findall(text) or [text] for text in written]
    lists = [[identity(piece.strip()) for piece in one] for one in pieces]
    marks = by_order(lists)
    share = in_common(lists, marks)
    if share < verdicts.NEARLY_NOTHING:
        marks = [[False] * len(one) for one in lists]
    columns: list[Column] = []
    for text, one, marked in zip(written, pieces, marks, strict=True):
        styles = (_underlined if differs else inside_quote for differs in marked)
        shown, whole = fit("".join(one), room, _quoted(zip(one, styles, strict=True)))
        columns.append(Column((shown if shown.strip("> \n") else str(NOTHING),), text, not whole))
    verdict = verdicts.wrote(len(results), share)
    return Columns(tuple(columns), verdict, any(map(any, marks)))


def families(request: Any, results: Sequence[Any], room: int) -> Columns:
    """Show who sees whom in each model, and what comes out. Nothing is marked."""
    columns = []
    for result in results:
        said, own = out_of(result.seen)
        first = [
            # Translators: a family of models, such as "Encoder", and who sees whom in them.
            _("**{family}.** {masks}", family=family_of(result.seen), masks=line) if not index else line
            for index, line in enumerate(masks_in_words(result.seen))
        ]
        shown, whole = fit(own, min(room // 2, OWN), escape)
        plain = "\n".join([family_of(result.seen), *masks_in_words(result.seen), f"{said} {own}".strip()])
        columns.append(Column((*first, f"{said} {shown}".strip()), plain, not whole))
    return Columns(tuple(columns), str(VERDICT), False)


VIEWS: dict[str, View] = {
    "sentiment": labels,
    "zeroshot": labels,
    "fill": words,
    "entities": names,
    "tokenize": tokens,
    "generate": texts,
    "translate": texts,
    "summarize": texts,
    "complete": texts,
    "attention": families,
}
"""By command."""


def _text(result: Any) -> str:
    text: str = result.continuations[0].text if hasattr(result, "continuations") else result.text
    return text


def _scored(scores: Sequence[LabelScore], marked: Sequence[bool], room: int, bold: int) -> Column:
    lines = []
    for index, (score, differs) in enumerate(zip(scores, marked, strict=True)):
        label = _short(score.label)
        lines.append(bar_line(score.probability, _marked(f"**{label}**" if index < bold else label, differs)))
    return _fitted(lines, "\n".join(plain_line(one.probability, one.label) for one in scores), room)


def _in_a_row(scores: Sequence[LabelScore], marked: Sequence[bool]) -> str:
    pairs = zip(scores, marked, strict=True)
    return enumerated(f"{_marked(_short(one.label), differs)} {percent(one.probability)}" for one, differs in pairs)


def _fitted(lines: Sequence[str], plain: str, room: int) -> Column:
    """Return a column of as many lines as there is room for."""
    shown: list[str] = []
    room -= max(LINE_OF_REST, units(and_more(len(lines))) + 1)
    for line in lines[:MOST_LINES]:
        if units("\n".join([*shown, line])) > room:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    return Column((*shown, and_more(left)) if left else tuple(shown), plain, bool(left))


def _short(text: str, limit: int = LABEL) -> str:
    shown = fit(text.replace("\n", " "), limit)[0]
    return shown if shown.strip() else "?"


def _marked(markdown: str, differs: bool) -> str:
    return f"__{markdown}__" if differs and markdown.strip() else markdown


def _underlined(piece: str) -> str:
    bare = piece.strip()
    if not bare:
        return inside_quote(piece)
    before, after = piece[: piece.index(bare)], piece[piece.index(bare) + len(bare) :]
    return f"{inside_quote(before)}__{inside_quote(bare)}__{inside_quote(after)}"


def _facts(number: int, vocabulary: int) -> str:
    tokens = plural("{number} token", "{number} tokens", number, number=in_digits(number))
    # Translators: {tokens} is such as "12 tokens"; the vocabulary of a tokenizer has so many tokens.
    return _("{tokens} · vocabulary of {number}", tokens=tokens, number=in_digits(vocabulary))


def _quoted(pieces: Iterable[tuple[str, Style]]) -> Style:
    """Return the style of a block quote whose pieces have styles of their own."""
    styled = in_pieces(pieces)
    return lambda shown: f"> {styled(shown)}"
