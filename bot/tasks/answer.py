"""`/answer`: where in a text is the answer to a question?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.tasks.prompts.question_answering import written_answer
from bot.tasks.scores import Floats, softmax
from bot.text.accepted import clean_text
from bot.text.graphemes import Span

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.question_answering import QuestionAnswering, Window

LONGEST_QUESTION = 300
LONGEST_CONTEXT = 20_000
# The default of transformers' former pipeline.
ANSWER_TOKENS = 15


@dataclass(frozen=True)
class AnswerResult(Result):
    """The best answer, and how likely it is that the context has none."""

    text: str
    span: Span | None
    """Where the context says it; None if it doesn't."""
    probability: float
    """Probability that this is the answer."""
    absent: float
    """Probability that the context has no answer. Other answers may have the rest."""
    truncated: bool = False
    """The end of the context did not fit into the model's own, and was not read."""
    guessed: bool = False
    """A general language model wrote the answer, rather than one that was trained for it."""
    ids: tuple[int, ...] = ()
    """Generated tokens, and the one that ended them if one did; empty if the answer wasn't generated."""

    @property
    def is_absent(self) -> bool:
        """Whether the context more likely has no answer."""
        return self.absent > self.probability

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """The generated text."""
        return (self.ids,)


@dataclass(frozen=True)
class AnswerRequest(Request[AnswerResult]):
    """A question about a context; raises `InvalidRequest` if one of them cannot be read."""

    question: str
    context: str

    def __post_init__(self) -> None:
        question = clean_text(self.question, "question", LONGEST_QUESTION)
        object.__setattr__(self, "question", " ".join(question.split()))
        object.__setattr__(self, "context", clean_text(self.context, "context", LONGEST_CONTEXT))

    @property
    def subject(self) -> str:
        """The question."""
        return self.question


@dataclass(frozen=True)
class ScoredWindow:
    """A window of the context, and a question-answering head's scores for it."""

    window: Window
    logits: npt.NDArray[np.float32]
    """Of each token as the first one of the answer, and as the last one, (2, tokens)."""
    probabilities: Floats
    """Softmax over the context's tokens and the first one, which means "no answer here", (2, tokens); 0 elsewhere."""
    borders: tuple[int, int] | None
    """First and last token of the likeliest answer; None if every answer's probability is 0."""
    probability: float
    """Probability of that answer."""
    absent: float
    """Probability of "no answer here"."""

    @property
    def span(self) -> Span:
        """The likeliest answer in the context; empty if there is none."""
        return Span(0, 0) if self.borders is None else span_of(self.window, *self.borders)


@dataclass(frozen=True)
class Location:
    """How a question-answering head's answer is computed."""

    windows: tuple[ScoredWindow, ...]
    """At least one, in the order of the context."""
    best: int
    """Index of the window with the likeliest answer."""
    least: int
    """Index of the window in which "no answer here" is the least likely."""


def locate(head: QuestionAnswering, request: AnswerRequest) -> TaskRun[AnswerResult]:
    """Answer by an encoder that was trained to point at answers.

    Like transformers' former pipeline with `handle_impossible_answer`: the best window's answer, and the lowest
    probability of "no answer here" in any window.

    Source: Chen et al.: Reading Wikipedia to Answer Open-Domain Questions, 2017, arXiv:1704.00051.
    """
    made = yield from location(head, request)
    best = made.windows[made.best]
    text = request.context[best.span.start : best.span.end]
    return AnswerResult(text, best.span, best.probability, made.windows[made.least].absent)


def location(head: QuestionAnswering, request: AnswerRequest, *, alone: bool = False) -> TaskRun[Location]:
    """Compute what `locate` answers with."""
    windows = head.encode_windows(request.question, request.context)
    found = yield from head.locate([window.row for window in windows], alone=alone)
    scored = tuple(_scored(*one) for one in zip(windows, found, strict=True))
    best = max(range(len(scored)), key=lambda index: scored[index].probability)
    least = min(range(len(scored)), key=lambda index: scored[index].absent)
    return Location(scored, best, least)


def _scored(window: Window, logits: npt.NDArray[np.float32]) -> ScoredWindow:
    allowed = np.array([span is not None for span in window.spans])
    allowed[0] = True
    probabilities = softmax(np.where(allowed, logits, -np.inf))
    together = spans(probabilities, window.spans)
    first, last = map(int, np.unravel_index(int(together.argmax()), together.shape))
    probability = float(together[first, last])
    start, end = probabilities
    borders = (first, last) if probability > 0 else None
    return ScoredWindow(window, logits, probabilities, borders, probability, absent=float(start[0] * end[0]))


def spans(probabilities: Floats, windowed: Sequence[Span | None] = ()) -> Floats:
    """Return how likely each span of at most `ANSWER_TOKENS` tokens of the context is to be the answer.

    Args:
        probabilities: of a `ScoredWindow`, (2, tokens).
        windowed: its window's spans; if given, white space alone is not an answer.

    Returns:
        The product of both probabilities by first and last token, (tokens, tokens); 0 for all other pairs.
    """
    start, end = probabilities.copy()
    start[0] = end[0] = 0
    together: Floats = np.tril(np.triu(np.outer(start, end)), ANSWER_TOKENS - 1)
    if any(_is_blank(span) for span in windowed):
        # How many tokens before each one are not blank: the count grows within a span that has one.
        seen = np.cumsum([0, *(not _is_blank(span) for span in windowed)])
        together *= seen[None, 1:] > seen[:-1, None]
    return together


def _is_blank(span: Span | None) -> bool:
    return span is not None and span.start == span.end


def span_of(window: Window, first: int, last: int) -> Span:
    """Return the part of the context from one token to another. The window's spans are of whole words."""
    seen = [span for span in window.spans[first : last + 1] if span is not None and not _is_blank(span)]
    return Span(min(span.start for span in seen), max(span.end for span in seen))


def write(head: CausalLM, request: AnswerRequest) -> TaskRun[AnswerResult]:
    """Answer by a causal language model (see `written_answer`)."""
    made = yield from written_answer(head, request.question, request.context)
    if made.score is None:
        return AnswerResult("", None, 0.0, 1.0, made.truncated, guessed=True, ids=made.ids)
    probability = made.score.probability
    return AnswerResult(made.text, made.span, probability, 1 - probability, made.truncated, guessed=True, ids=made.ids)


TASK = Task(
    "answer",
    AnswerRequest,
    {HeadKind.QUESTION_ANSWERING: Implementation(locate), HeadKind.CAUSAL_LM: Implementation(write)},
)
