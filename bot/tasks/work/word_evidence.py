"""Which words of a text spoke for its label, with a proof, and pairs of words.

The number that is explained is the command's own: the log-odds of the label's probability, of a language model from
all prompts and with the calibration. So it is above zero where the answer is the label, and the text without some
words has the value that the command itself gives to it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.tokenization.tokens import Token
from bot.tasks import sentiment, zeroshot
from bot.tasks.scores import Floats, sigmoid
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.blocks import Bars, Block, Page, Postponed, Quote, Scores, column, table
from bot.tasks.work.budget import FIRST_READ, MOST_READ, Weighed, finest, most_parts, weighed, within
from bot.tasks.work.coalitions import Table, Value, exact, interactions
from bot.tasks.work.pages import page
from bot.tasks.work.proofs import DRAWS, FIRST_DRAWS, rests
from bot.tasks.work.standard_errors import decimals, digits, error_column
from bot.tasks.work.texts import Form, Number, Sentence, grouped, joined, spaced
from bot.tasks.work.units import units, words_of
from bot.tasks.work.wording import later, listed_with_and, quoted, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier
    from bot.tasks.sentiment import Classification
    from bot.tasks.zeroshot import Entailments

MOST_TERMS = 12
"""In the picture of pairs."""
SURE = 1e-12
"""Log-odds are those of a probability that is at least this far from 0 and 1."""


def label_value(head: CausalLM | SequenceClassifier, request: Request[Any], label: int) -> Value:
    """Return the log-odds of a label as a function of the text of `/sentiment` or `/zeroshot`.

    Args:
        label: index among the labels of the request; among the head's in `/sentiment`, or of POSITIVE and NEGATIVE.
    """

    from bot.inference.heads.causal_lm import CausalLM

    def prompted(text: str) -> TaskRun[Floats]:
        about = about_text(request, text)
        assert isinstance(head, CausalLM)
        if isinstance(about, SentimentRequest):
            made = yield from sentiment.word_score(head, about)
            score = sentiment.SHARPNESS * made.distance
            return np.array([score if label == 0 else -score])
        weights = yield from zeroshot.label_weights(head, about)
        return np.array([_log_odds(float(weights.probabilities[label]))])

    def classified(text: str) -> TaskRun[Floats]:
        about = about_text(request, text)
        assert not isinstance(head, CausalLM)
        made: Classification | Entailments
        if isinstance(about, SentimentRequest):
            made = yield from sentiment.classification(head, about)
        else:
            made = yield from zeroshot.entailments(head, about)
        return np.array([_log_odds(float(made.probabilities[label]))])

    return prompted if isinstance(head, CausalLM) else classified


def about_text(request: Request[Any], text: str, name: str = "text") -> Any:
    """Return the same request about another text, which may be empty."""
    other = copy.copy(request)
    object.__setattr__(other, name, text)  # requests of people have words, so their constructors refuse nothing
    return other


def _log_odds(probability: float) -> float:
    kept = min(max(probability, SURE), 1 - SURE)
    return math.log(kept / (1 - kept))


def postponed_pages(head: CausalLM | SequenceClassifier, label: str, index: int, text: str) -> tuple[Page, ...]:
    """Postpone the pages of a label; a text of one word has no pairs."""
    from bot.inference.heads.causal_lm import CausalLM

    explained = "words.prompted" if isinstance(head, CausalLM) else "words.classified"
    postponed = Postponed(label, sentence(explained, label=label), index)
    scores = page("attribution", postponed)
    return (scores, page("pairs", postponed)) if len(words_of(text)) > 1 else (scores,)


@dataclass(frozen=True)
class Proof:
    """What becomes of a label's probability without some words."""

    words: tuple[str, ...]
    text: str
    before: float
    after: float
    at_random: float
    """The mean over random choices of as many words."""
    draws: int


def computed_pages(
    head: CausalLM | SequenceClassifier, request: Request[Any], postponed: Postponed, *, finer: bool
) -> TaskRun[list[Page]]:
    """Compute the pages that `postponed_pages` has postponed.

    Args:
        finer: take as long as there is time for, rather than for a first picture.
    """
    value = label_value(head, request, postponed.index)
    text: str = request.text  # type: ignore[attr-defined]
    budget = within(MOST_READ if finer else FIRST_READ, head.parameters)
    found = yield from weighed(text, value, budget, None if finer else FIRST_DRAWS + 1)
    all_of_it = finer or found.is_exact
    proof = yield from _proof(found, DRAWS if all_of_it else FIRST_DRAWS)
    paired = yield from _pairs(found, value, text, budget // (2 if finer else 4))
    is_last = finer or (found.is_exact and found.table.units == finest(text))
    pages = [scores_page(found, proof, postponed), _pairs_page(paired, postponed)]
    return [replace(one, is_estimate=not is_last) for one in pages]


def _pairs(found: Weighed, value: Value, text: str, budget: int) -> TaskRun[Table]:
    """Return a full table: that of the words, or one of longer parts."""
    if found.is_exact:
        return found.table
    affordable = max(budget // max(found.table.tokens // len(found.table.known), 1), 1)
    full = Table(units(text, most_parts(affordable)), value)
    full.known |= {(): found.table.start, full.whole: found.table.end}
    yield from full.fill_all()
    return full


def _proof(found: Weighed, draws: int) -> TaskRun[Proof | None]:
    """Ask about the text without its strongest words, and without random ones."""
    parts, table = found.table.units, found.table
    chosen = yield from rests(found, found.shares.values[:, 0], draws)
    if chosen is None:
        return None
    after, *others = (float(sigmoid(table.known[rest][0])) for rest in (chosen.without, *chosen.at_random))
    names = tuple(parts.names[index] for index in chosen.strongest)
    before = float(sigmoid(table.end[0]))
    return Proof(names, parts.text(chosen.without), before, after, sum(others) / len(others), len(others))


def scores_page(found: Weighed, proof: Proof | None, postponed: Postponed) -> Page:
    """Show what each part adds, and the proof; there is none for a single part."""
    parts, shares = found.table.units, found.shares
    scores = shares.values[:, 0].tolist()
    errors = [None] * len(parts) if shares.errors is None else shares.errors[:, 0].tolist()
    form = digits(errors)
    ranked = sorted(zip(scores, errors, parts.names, strict=True), key=lambda one: -abs(one[0]))
    columns = [column(later("score"), (one for one, _, _ in ranked), form)]
    if shares.errors is not None:
        columns.append(error_column((one for _, one, _ in ranked), form))
    shown = table(*columns, column(sentence("words.noun", parts.noun), (name for _, _, name in ranked)))
    total = _total(found.table, scores if shares.add_up else None)
    how = how_weighed(found)
    tokens = tuple(Token(name, 0, special=False, starts_word=True) for name in parts.names)
    title, shown_digits = later("What spoke for {label}", label=postponed.label), decimals(form)
    picture = Scores(title, postponed.label, tokens, tuple(scores), total, shown_digits, parts.noun)
    blocks = (*_proof_blocks(proof, postponed.label, parts.noun), (spaced(how, total, postponed.explained),), shown)
    return page("attribution", *blocks, picture=picture)


def how_weighed(found: Weighed, exactly: str = "words.exact") -> Sentence:
    """Say how the parts of a text were weighed.

    Args:
        exactly: names the sentence for values of which none was sampled.
    """
    noun = found.table.units.noun
    if found.is_exact:
        return sentence(exactly, noun, texts=grouped(len(found.table.known)))
    if found.shares.add_up:
        return sentence("words.sampled", noun, orders=found.shares.orders)
    return sentence("words.one-by-one", noun)


def _total(found: Table, scores: Sequence[float] | None) -> Sentence:
    """Say where the number starts and ends; scores are None if they don't sum to the way between."""
    start, end = float(found.start[0]), float(found.end[0])
    added = end - start if scores is None else sum(scores)
    return sentence(
        "words.adds" if scores is None else "words.add-up",
        added=Number(added, Form.SIGNED_THREE),
        start=Number(start, Form.SIGNED_THREE),
        start_share=Number(float(sigmoid(start)), Form.PERCENT),
        end=Number(end, Form.SIGNED_THREE),
        end_share=Number(float(sigmoid(end)), Form.PERCENT),
    )


def _proof_blocks(proof: Proof | None, label: str, noun: str) -> Iterator[Block | Sentence]:
    if proof is None:
        return
    # A word that speaks against the label may be stronger than these.
    yield sentence(
        "words.without-two" if len(proof.words) > 1 else "words.without-one",
        noun,
        names=listed_with_and([quoted(name) for name in proof.words]),
        label=label,
        before=Number(proof.before, Form.PERCENT),
        after=Number(proof.after, Form.PERCENT),
        draws=proof.draws,
        by_chance=Number(proof.at_random, Form.PERCENT),
    )
    if proof.text:
        yield sentence("words.check")
        yield Quote(proof.text)


def _pairs_page(full: Table, postponed: Postponed) -> Page:
    shares = exact(full)
    terms = interactions(full, shares)
    names, parts = full.units.names, range(len(full.units))
    both = [((names[one], names[two]), float(terms[one, two])) for one, two in combinations(parts, 2)]
    alone = [((names[one],), float(terms[one, one])) for one in parts]
    ranked = sorted([*both, *alone], key=lambda term: -abs(term[1]))
    titles = [joined([quoted(name) for name in term], sign=" × ") for term, _ in ranked]
    values = [value for _, value in ranked]
    # Translators: of which words; the title of a column.
    shown = table(column(later("share"), values, Form.SIGNED_THREE), column(later("of"), titles))
    total = _total(full, values)
    how = sentence("words.pairs", full.units.noun, texts=grouped(len(full.known)))
    picture = Bars(
        later("Alone, and in pairs: what spoke for {label}", label=postponed.label),
        tuple(titles[:MOST_TERMS]),
        tuple(values[:MOST_TERMS]),
        probabilities=False,
    )
    return page("pairs", (spaced(how, total, postponed.explained),), shown, picture=picture)
