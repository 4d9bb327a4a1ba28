"""What the words of a text add to each word that was written after it: all of these in short, and one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import Page, Paragraph, Scores, Table, WrittenShares, column, table
from bot.tasks.work.standard_errors import decimals, digits, error_column
from bot.tasks.work.texts import Form, Number, Sentence, Text, Words, joined
from bot.tasks.work.wording import later, quoted, sentence

WHITE_SPACE = "white space"
"""Stands for a written word that is nothing else; `named` says it in the reader's language."""
MOST_LINES = 3
"""Of a part's text: a sentence may be one."""
MOST_WRITTEN = 16
"""Written words on a page, each on two lines; its menu has all."""


def named(word: str) -> Words:
    """Return a written word as people read it."""
    # Translators: stands for a written word that is nothing else.
    return later("white space") if word == WHITE_SPACE else word


def by_interest(shares: WrittenShares) -> list[int]:
    """Return the indices of the written words, first those to which the text makes the largest difference."""
    return sorted(range(len(shares.words)), key=lambda index: -abs(shares.end[index] - shares.start[index]))


def overview(shares: WrittenShares) -> Table:
    """Return a table of the written words: what the text adds to each, and which part of it most."""
    rows = [row for index in by_interest(shares) for row in _rows(shares, index)]
    log_probs, added, said = zip(*rows, strict=True) if rows else ((), (), ())
    return table(
        column("log p", log_probs, Form.TWO),
        column(later("added"), added, Form.SIGNED_TWO),
        column(later("written"), said),
        most=2 * MOST_WRITTEN,
    )


def _rows(shares: WrittenShares, index: int) -> Iterator[tuple[Text, Text, Text]]:
    """Yield a line of a written word, and one of the part with the largest share in it."""
    values = shares.values[index]
    most = max(range(len(values)), key=lambda part: abs(values[part]))
    yield shares.end[index], shares.end[index] - shares.start[index], named(shares.words[index])
    yield None, values[most], ("  ", later("by {part}", part=shares.parts[most]))


def in_words(shares: WrittenShares) -> Iterator[Text]:
    """Yield a line with all scores of each written word, for a file."""
    for index, word in enumerate(shares.words):
        values = shares.values[index]
        ranked = sorted(range(len(values)), key=lambda part: -abs(values[part]))
        scores = ((shares.parts[part], " ", Number(values[part], Form.SIGNED_TWO)) for part in ranked)
        start, end = Number(shares.start[index], Form.TWO), Number(shares.end[index], Form.TWO)
        added = Number(shares.end[index] - shares.start[index], Form.SIGNED_TWO)
        numbers = later("log p from {start} to {end}, added {added}", start=start, end=end, added=added)
        yield (f"{index + 1}. ", named(word), ": ", numbers, "; ", joined(scores, sign=", "))


def of_word(page: Page, index: int) -> Page:
    """Return a page about one of the written words only; as it is if it has no such word."""
    shares = page.written_shares
    if shares is None or not 0 <= index < len(shares.words):
        return page
    values, word = shares.values[index], named(shares.words[index])
    ranked = sorted(range(len(values)), key=lambda part: -abs(values[part]))
    errors = [shares.errors[index][part] for part in ranked] if shares.errors else []
    form = digits(errors, Form.SIGNED_TWO)
    columns = [column(later("score"), (values[part] for part in ranked), form)]
    if errors:
        columns.append(error_column(errors, form))
    shown = table(
        *columns, column(sentence("words.noun", shares.noun), (shares.parts[part] for part in ranked)), lines=MOST_LINES
    )
    sums = total(values, shares.start[index], shares.end[index], add_up=shares.add_up, noun=shares.noun)
    chosen = sentence("writing.chosen", place=index + 1, of=len(shares.words))
    said = Paragraph((chosen, " ", quoted(word), ". ", sums))
    tokens = tuple(Token(name, 0, special=False, starts_word=True) for name in shares.parts)
    title, label = later("Which words made it write “{word}”", word=word), quoted(word)
    picture = Scores(title, label, tokens, values, sums, decimals(form), shares.noun)
    return replace(page, blocks=(said, shown), picture=picture)


def total(values: Sequence[float], start: float, end: float, *, add_up: bool, noun: str) -> Sentence:
    """Say where a log p starts and ends.

    Args:
        add_up: the values sum to the way between.
        noun: names the parts that the values are of.
    """
    return sentence(
        "writing.add-up" if add_up else "writing.adds",
        noun,
        added=Number(sum(values) if add_up else end - start, Form.SIGNED_TWO),
        start=Number(start, Form.SIGNED_TWO),
        end=Number(end, Form.SIGNED_TWO),
    )
