"""Answering a question about a text with a causal language model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.scores import sigmoid
from bot.text.characters import REPLACEMENT_CHARACTER
from bot.text.graphemes import Span
from bot.text.quotes import find_quote
from bot.text.tables import read_table

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.scoring import LogProbs

_TABLE = read_table("bot.tasks.prompts", "prompts.toml")["answer"]
PROMPT: str = _TABLE["prompt"]
NO_ANSWER = "not in the text"
"""The prompt's answer to a question that its text doesn't answer."""
NEUTRAL: str = _TABLE["neutral"]
"""A text about nothing in particular: an answer that is as likely after it was not found in the context."""
WRITTEN_TOKENS = 24
# How much likelier the context must make an answer for an even chance, as a difference of log-probabilities: an answer
# that quotes the context, and one in the model's own words.
QUOTED_GAIN, OWN_GAIN = 1.0, 4.0

_QUOTES = " \"“”„«»「」『』'`"
# Abbreviations that keep their full stop, such as U.S., from their end: from the front each letter of a long row of
# them would be a new start.
_INITIALS = re.compile(r"\.(?:\w\.)+\w(?:\W|$)")


@dataclass(frozen=True)
class AnswerScore:
    """How much likelier the context makes a written answer."""

    answer: tuple[int, ...]
    """The token ids that are scored."""
    after: LogProbs
    """Their log-probabilities after the prompt with the context, (tokens,)."""
    usual: LogProbs
    """Their log-probabilities after the prompt with the neutral text, (tokens,)."""
    needed: float
    """How much likelier the context has to make the answer for an even chance."""
    probability: float
    """Probability that it is the answer."""


@dataclass(frozen=True)
class WrittenAnswer:
    """How a causal language model's answer is computed."""

    context: str
    """As much of the request's context as the model read."""
    prompt: tuple[int, ...]
    """Token ids, with the context and the question."""
    ids: tuple[int, ...]
    """Generated tokens, and the one that ended them if one did."""
    text: str
    """The generated line, tidied up."""
    span: Span | None
    """Where the context says it; None if it doesn't."""
    score: AnswerScore | None
    """None if the model wrote nothing, or that the context has no answer."""
    truncated: bool
    """The end of the context was not read."""


def written_answer(
    head: CausalLM, question: str, context: str, written: Sequence[int] = (), *, alone: bool = False
) -> TaskRun[WrittenAnswer]:
    """Write an answer, find it in the context, and measure how much likelier the context makes it.

    Args:
        written: token ids of an answer that was written before; without them, it is generated.
    """
    from bot.inference.heads.generation.sampling import Sampling

    def prompt(context: str) -> tuple[int, ...]:
        return head.encode(PROMPT.format(context=context, question=question))

    read, truncated = head.fit(context, lambda text: max(len(prompt(text)), len(prompt(NEUTRAL))) + WRITTEN_TOKENS)
    asked = prompt(read)
    ids = tuple(written)
    if not ids:
        row = head.generation(asked, WRITTEN_TOKENS, sampling=Sampling.likeliest(), stop="\n")
        [output] = yield from head.generate([row], alone=alone)
        ids = output.written
    text = clean_answer(first_line(head, ids))
    if not text or text.casefold().startswith(NO_ANSWER):
        return WrittenAnswer(read, asked, ids, text, None, None, truncated)
    span = find_quote(context, text, question)
    needed = OWN_GAIN if span is None else QUOTED_GAIN
    score = yield from _score(head, text, (asked, prompt(NEUTRAL)), needed, alone=alone)
    return WrittenAnswer(read, asked, ids, text, span, score, truncated)


def _score(
    head: CausalLM, text: str, prompts: Sequence[tuple[int, ...]], needed: float, *, alone: bool
) -> TaskRun[AnswerScore]:
    """Score an answer after the prompt with the context, and after the one with the neutral text."""
    answer = head.encode_rest(f" {text}")[:WRITTEN_TOKENS]
    rows = [head.continuations(prompt, [answer]) for prompt in prompts]
    [after], [usual] = yield from head.score(rows, alone=alone)
    gain = float(after.sum() - usual.sum()) - needed
    return AnswerScore(answer, after, usual, needed, float(sigmoid(gain)))


def first_line(head: CausalLM, ids: Sequence[int]) -> str:
    """Return the generated text up to its first line break."""
    return head.decode([token for token in ids if token not in head.end_ids]).partition("\n")[0]


def clean_answer(line: str) -> str:
    """Return a generated line without quotation marks, a final full stop, and invisible characters."""
    answer = " ".join(line.replace(REPLACEMENT_CHARACTER, "").split()).strip(_QUOTES)
    return answer if _INITIALS.match(answer[::-1]) else answer.removesuffix(".").removesuffix("。").strip(_QUOTES)
