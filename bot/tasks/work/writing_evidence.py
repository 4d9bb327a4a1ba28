"""Which words of a text made a language model write another one, token by token.

The numbers that are explained are the log-probabilities of the written tokens, read again by teacher forcing after
the text without some of its words, and their sum (arXiv:2312.05491).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.tokenization.tokens import Token
from bot.tasks.scores import Floats
from bot.tasks.work.blocks import Page, PostponedWriting, Scores, WrittenShares, column, table
from bot.tasks.work.budget import FIRST_READ, MOST_READ, Divide, Weighed, finest, weighed, within
from bot.tasks.work.coalitions import Value
from bot.tasks.work.pages import page
from bot.tasks.work.proofs import DRAWS, FIRST_DRAWS, rests
from bot.tasks.work.standard_errors import decimals, digits, error_column
from bot.tasks.work.texts import Form, Number, Sentence, Short, Words, spaced
from bot.tasks.work.units import units, units_of_lines
from bot.tasks.work.word_evidence import how_weighed
from bot.tasks.work.wording import later, listed_with_and, quoted, sentence
from bot.tasks.work.writing_readings import forced, reading_of
from bot.tasks.work.written_shares import MOST_LINES, total
from bot.tasks.work.written_words import WrittenWord, written_words

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM


MOST_SHOWN = 72
"""Columns of a part in the proof; the table has more of it."""


def postponed_writing(
    text: str, written: Sequence[int], name: Words = "", *, by_lines: bool = False
) -> tuple[Page, ...]:
    """Postpone the page of a written text; there is none if the text before it has a single word.

    Args:
        text: the part of the request whose words are weighed, as `reading_of` takes it.
        name: of the written text; "" for a single one.
        by_lines: weigh its lines, which are people's messages.
    """
    if len(finest(text, _divided(by_lines))) < 2 or not written:
        return ()
    return (page("made-it-write", PostponedWriting(text, tuple(written), by_lines), behind=name),)


def _divided(by_lines: bool) -> Divide:
    return units_of_lines if by_lines else units


def written_value(head: CausalLM | Seq2SeqLM, request: Request[Any], written: Sequence[int]) -> Value:
    """Return the log-probabilities of written tokens, and last their sum, as a function of the request's text."""
    reading = reading_of(head, request)

    def value(text: str) -> TaskRun[Floats]:
        [found] = yield from head.token_log_probs([forced(reading, text, written).row])
        log_probs = found.log_probs.astype(np.float64)
        return np.append(log_probs, log_probs.sum())

    return value


def _of_words(value: Value, words: Sequence[WrittenWord]) -> Value:
    """Return the log-probabilities of written words, and last that of the whole text."""

    def summed(text: str) -> TaskRun[Floats]:
        found = yield from value(text)
        return np.array([*(found[list(word.places)].sum() for word in words), found[-1]])

    return summed


def writing_page(
    head: CausalLM | Seq2SeqLM, request: Request[Any], postponed: PostponedWriting, *, finer: bool
) -> TaskRun[Page]:
    """Compute the page that `postponed_writing` has postponed.

    Args:
        finer: take as long as there is time for, rather than for a first picture.
    """
    words = written_words(head, postponed.written)
    value = _of_words(written_value(head, request, postponed.written), words)
    budget = within(MOST_READ if finer else FIRST_READ, head.parameters)
    divide = _divided(postponed.by_lines)
    found = yield from weighed(postponed.text, value, budget, None if finer else FIRST_DRAWS + 1, divide)
    proof = yield from _proof(found, DRAWS if finer or found.is_exact else FIRST_DRAWS)
    is_last = finer or (found.is_exact and found.table.units == finest(postponed.text, divide))
    return _page(found, words, proof, is_estimate=not is_last)


def _proof(found: Weighed, draws: int) -> TaskRun[Sentence]:
    """Say what becomes of the text's log-probability without the strongest words, and without random ones."""
    parts, known = found.table.units, found.table.known
    chosen = yield from rests(found, found.shares.values[:, -1], draws)
    assert chosen is not None  # prompts of one word have no page
    after, *others = (float(known[rest][-1]) for rest in (chosen.without, *chosen.at_random))
    return sentence(
        "writing.proof",
        parts.noun,
        names=listed_with_and([quoted(Short(parts.names[index], MOST_SHOWN)) for index in chosen.strongest]),
        before=Number(float(found.table.end[-1]), Form.SIGNED_TWO),
        after=Number(after, Form.SIGNED_TWO),
        draws=len(others),
        by_chance=Number(sum(others) / len(others), Form.SIGNED_TWO),
    )


def _page(found: Weighed, words: Sequence[WrittenWord], proof: Sentence, *, is_estimate: bool) -> Page:
    parts, shares = found.table.units, found.shares
    scores = shares.values[:, -1].tolist()
    ranked = sorted(range(len(parts)), key=lambda index: -abs(scores[index]))
    errors = [None if shares.errors is None else float(shares.errors[index, -1]) for index in ranked]
    form = digits(errors, Form.SIGNED_TWO)
    columns = [column(later("score"), (scores[index] for index in ranked), form)]
    if shares.errors is not None:
        columns.append(error_column(errors, form))
    shown = table(
        *columns, column(sentence("words.noun", parts.noun), (parts.names[index] for index in ranked)), lines=MOST_LINES
    )
    start, end = float(found.table.start[-1]), float(found.table.end[-1])
    sums = total(scores, start, end, add_up=shares.add_up, noun=parts.noun)
    tokens = tuple(Token(name, 0, special=False, starts_word=True) for name in parts.names)
    title, label = later("Which words made it write this"), later("what was written")
    picture = Scores(title, label, tokens, tuple(scores), sums, decimals(form), parts.noun)
    made = page(
        "made-it-write", proof, (spaced(how_weighed(found, "writing.exact"), sums),), shown,
        sentence("writing.each", parts.noun), _shares(found, words), picture=picture,
    )  # fmt: skip
    return Page(made.name, made.about, made.blocks, made.picture, is_estimate)


def _shares(found: Weighed, words: Sequence[WrittenWord]) -> WrittenShares:
    shares, number = found.shares, len(words)
    return WrittenShares(
        found.table.units.noun,
        found.table.units.names,
        tuple(word.text for word in words),
        tuple(found.table.start[:number].tolist()),
        tuple(found.table.end[:number].tolist()),
        tuple(map(tuple, shares.values[:, :number].T.tolist())),
        () if shares.errors is None else tuple(map(tuple, shares.errors[:, :number].T.tolist())),
        shares.add_up,
    )
