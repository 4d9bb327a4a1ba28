"""Which words of a prompt made a causal language model write its text, token by token.

The numbers that are explained are the log-probabilities of the written tokens, read again by teacher forcing after
the prompt without some of its words, and their sum (arXiv:2312.05491).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.tokenization.tokens import Token
from bot.tasks import chat, complete, generate
from bot.tasks.answer import AnswerRequest
from bot.tasks.prompts import question_answering
from bot.tasks.scores import Floats
from bot.tasks.work.blocks import Form, Number, Page, PostponedWriting, Scores, Text, column, table
from bot.tasks.work.budget import FIRST_READ, MOST_READ, Weighed, weighed, within
from bot.tasks.work.coalitions import Value
from bot.tasks.work.pages import page
from bot.tasks.work.proofs import DRAWS, FIRST_DRAWS, rests
from bot.tasks.work.standard_errors import decimals, digits, error_column
from bot.tasks.work.units import words_of
from bot.tasks.work.word_evidence import about_text, how_weighed
from bot.tasks.work.wording import sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_WRITTEN = 25
"""Written words on the page, the least likely first."""


def postponed_writing(text: str, written: Sequence[int]) -> tuple[Page, ...]:
    """Postpone the page of a written text; there is none if the prompt has a single word.

    Args:
        text: the part of the request whose words are weighed, as in the field that `prompt_ids` replaces.
    """
    if len(words_of(text)) < 2:
        return ()
    return (page("made-it-write", PostponedWriting(text, tuple(written))),)


def prompt_ids(head: CausalLM, request: Request[Any], text: str) -> tuple[int, ...]:
    """Return what the model reads before it writes, if the request had another text, which may be empty."""
    if isinstance(request, generate.GenerateRequest):
        ids = generate.read_prompt(head, about_text(request, text, "prompt")).ids
    elif isinstance(request, complete.CompleteRequest):
        ids = complete.read_prompt(head, about_text(request, text, "code")).ids
    elif isinstance(request, chat.ChatRequest):
        ids, _ = chat.read_prompt(head, about_text(request, text, "message"))
    else:
        assert isinstance(request, AnswerRequest)
        ids = head.encode(question_answering.PROMPT.format(context=text, question=request.question))
    # Many models begin texts without a token of their own, but none can write after nothing at all.
    return tuple(ids) or (_first_token(head),)


def _first_token(head: CausalLM) -> int:
    first = head.tokenizer.bos_token_id
    return int(min(head.end_ids, default=0) if first is None else first)


def written_value(head: CausalLM, request: Request[Any], written: Sequence[int]) -> Value:
    """Return the log-probabilities of written tokens, and last their sum, as a function of the request's text."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    def value(text: str) -> TaskRun[Floats]:
        forced = ForcedText(prompt_ids(head, request, text), tuple(written), Sampling.likeliest())
        [found] = yield from head.token_log_probs([forced.row])
        log_probs = found.log_probs.astype(np.float64)
        return np.append(log_probs, log_probs.sum())

    return value


def writing_page(head: CausalLM, request: Request[Any], postponed: PostponedWriting, *, finer: bool) -> TaskRun[Page]:
    """Compute the page that `postponed_writing` has postponed.

    Args:
        finer: take as long as there is time for, rather than for a first picture.
    """
    value = written_value(head, request, postponed.written)
    budget = MOST_READ if finer else within(FIRST_READ, head.parameters)
    found = yield from weighed(postponed.text, value, budget, None if finer else FIRST_DRAWS + 1)
    proof = yield from _proof(found, DRAWS if finer or found.is_exact else FIRST_DRAWS)
    is_last = finer or (found.is_exact and found.table.units.parts == tuple(words_of(postponed.text)))
    return _page(found, _written_words(head, postponed.written), proof, is_estimate=not is_last)


@dataclass(frozen=True)
class WrittenWord:
    """A word that was written: its text, and the indices of its tokens."""

    text: str
    places: tuple[int, ...]


def _written_words(head: CausalLM, written: Sequence[int]) -> list[WrittenWord]:
    groups: list[list[int]] = []
    for place, token in enumerate(head.tokens(written)):
        if token.starts_word or token.special or not groups:
            groups.append([])
        groups[-1].append(place)
    return [
        WrittenWord(" ".join(head.decode([written[place] for place in group]).split()) or "white space", tuple(group))
        for group in groups
    ]


def _proof(found: Weighed, draws: int) -> TaskRun[tuple[Text, ...]]:
    """Say what becomes of the text's log-probability without the strongest words, and without random ones."""
    parts, known = found.table.units, found.table.known
    chosen = yield from rests(found, found.shares.values[:, -1], draws)
    assert chosen is not None  # prompts of one word have no page
    after, *others = (float(known[rest][-1]) for rest in (chosen.without, *chosen.at_random))
    names = " and ".join(f"“{parts.names[index]}”" for index in chosen.strongest)
    return (
        f"Proof: without {names}, the log p of what was written goes from ",
        Number(float(found.table.end[-1]), Form.SIGNED_TWO),
        " to ",
        Number(after, Form.SIGNED_TWO),
        f"; without as many random {parts.noun}s (mean of {len(others)}) to ",
        Number(sum(others) / len(others), Form.SIGNED_TWO),
        ".",
    )


def _page(found: Weighed, words: Sequence[WrittenWord], proof: tuple[Text, ...], *, is_estimate: bool) -> Page:
    parts, shares = found.table.units, found.shares
    scores = shares.values[:, -1].tolist()
    ranked = sorted(range(len(parts)), key=lambda index: -abs(scores[index]))
    errors = [None if shares.errors is None else float(shares.errors[index, -1]) for index in ranked]
    form = digits(errors, Form.SIGNED_TWO)
    columns = [column("score", (scores[index] for index in ranked), form)]
    if shares.errors is not None:
        columns.append(error_column(errors, form))
    shown = table(*columns, column(parts.noun, (parts.names[index] for index in ranked)))
    total = _total(found)
    tokens = tuple(Token(name, 0, special=False, starts_word=True) for name in parts.names)
    title, label = "Which words made it write this", "what was written"
    picture = Scores(title, label, tokens, tuple(scores), total, decimals(form))
    made = page(
        "made-it-write", proof, (how_weighed(found, "writing.exact"), " ", *total), shown,
        sentence("writing.each"), _each(found, words), picture=picture,
    )  # fmt: skip
    return Page(made.name, made.about, made.blocks, made.picture, is_estimate)


def _total(found: Weighed) -> tuple[Text, ...]:
    start, end = float(found.table.start[-1]), float(found.table.end[-1])
    added = float(found.shares.values[:, -1].sum()) if found.shares.add_up else end - start
    return (
        "The scores add up to " if found.shares.add_up else "In all, the text adds ",
        Number(added, Form.SIGNED_TWO),
        ": from a log p of ",
        Number(start, Form.SIGNED_TWO),
        " without any word to ",
        Number(end, Form.SIGNED_TWO),
        " with all.",
    )


def _each(found: Weighed, words: Sequence[WrittenWord]) -> Any:
    """Return a table of the written words, the least likely first: what the prompt adds, and which word most."""
    ends = [float(found.table.end[list(word.places)].sum()) for word in words]
    order = sorted(range(len(words)), key=lambda index: ends[index])[:MOST_WRITTEN]
    rows = list(_rows(found, [words[index] for index in order]))
    return table(
        column("log p", (ends[index] for index in order), Form.TWO),
        column("added", (added for added, _ in rows), Form.SIGNED_TWO),
        column("written, and most by", (said for _, said in rows)),
    )


def _rows(found: Weighed, words: Sequence[WrittenWord]) -> Iterator[tuple[float, Text]]:
    for word in words:
        places = list(word.places)
        shares, errors = found.shares.values[:, places].sum(axis=1), found.shares.errors
        most = int(np.abs(shares).argmax())
        # The error of a sum is at most the sum of the errors.
        error = 0.0 if errors is None else float(errors[most, places].sum())
        added = float((found.table.end - found.table.start)[places].sum())
        by = found.table.units.names[most]
        yield added, (f"“{word.text}”: {by} ", Number(float(shares[most]), digits([error], Form.SIGNED_TWO)))
