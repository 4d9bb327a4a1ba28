"""`/answer`: where in a text is the answer to a question?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.quotes import find_place
from bot.tasks.scores import Floats, sigmoid, softmax
from bot.text.accepted import clean_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.question_answering import QuestionAnswering, Span, Window
    from bot.inference.heads.scoring import LogProbs

LONGEST_QUESTION = 300
LONGEST_CONTEXT = 20_000
ANSWER_TOKENS = 15
"""The most tokens of an answer; the default of transformers' former pipeline."""


@dataclass(frozen=True)
class AnswerSpan:
    """An answer in its context.

    Attributes:
        start: its first character in the context.
        end: the character after its last one.
    """

    start: int
    end: int


@dataclass(frozen=True)
class AnswerResult:
    """The best answer, and how likely it is that the context has none.

    Attributes:
        text: the answer.
        span: where it stands in the context; None where it does not stand there.
        probability: that this is the answer.
        absent: the probability that the answer is not in the context. With an encoder the two need not sum to 1,
            because there are other answers.
        truncated: whether the end of the context was not read, because it exceeds the model's.
        guessed: whether a general language model has written the answer, rather than one that was trained for it.
        ids: the tokens that were written, and the one that ended them where one did; empty where nothing was written.
    """

    text: str
    span: AnswerSpan | None
    probability: float
    absent: float
    truncated: bool = False
    guessed: bool = False
    ids: tuple[int, ...] = ()

    @property
    def is_absent(self) -> bool:
        """Whether the context more likely has no answer."""
        return self.absent > self.probability


@dataclass(frozen=True)
class AnswerRequest(Request[AnswerResult]):
    """Raises `InvalidRequest` where the question or the context cannot be read."""

    question: str
    context: str

    def __post_init__(self) -> None:
        question = clean_text(self.question, "question", LONGEST_QUESTION)
        object.__setattr__(self, "question", " ".join(question.split()))
        object.__setattr__(self, "context", clean_text(self.context, "context", LONGEST_CONTEXT))


@dataclass(frozen=True)
class Pointing:
    """Where in a window of the context a question-answering head sees the answer.

    Attributes:
        window: what it read.
        logits: that the answer begins at a token, and that it ends with it, (2, tokens).
        probabilities: their softmax over the context's tokens and the first one, which stands for "no answer here",
            (2, tokens); 0 elsewhere.
        borders: the first and the last token of the likeliest answer; None where no answer has a probability.
        probability: of that answer.
        absent: the probability of "no answer here".
    """

    window: Window
    logits: npt.NDArray[np.float32]
    probabilities: Floats
    borders: tuple[int, int] | None
    probability: float
    absent: float

    @property
    def span(self) -> AnswerSpan:
        """The likeliest answer in the context; empty where there is none."""
        return AnswerSpan(0, 0) if self.borders is None else span_of(self.window, *self.borders)


@dataclass(frozen=True)
class Location:
    """How a question-answering head comes to an answer.

    Attributes:
        windows: what it saw in each, in the order of the context; at least one.
        best: the number of the window whose answer is the likeliest.
        least: the number of the window in which "no answer here" is the least likely.
    """

    windows: tuple[Pointing, ...]
    best: int
    least: int


def locate(head: QuestionAnswering, request: AnswerRequest) -> TaskRun[AnswerResult]:
    """By an encoder that was trained to point at answers; of a long context all windows are read in one step.

    As transformers' former pipeline did with `handle_impossible_answer`: in each window, softmax over the context's
    tokens and the first one, which stands for "no answer here"; the best window's answer, and the least "no answer".

    Source: Chen et al.: Reading Wikipedia to Answer Open-Domain Questions, 2017, arXiv:1704.00051.
    """
    made = yield from location(head, request)
    best = made.windows[made.best]
    text = request.context[best.span.start : best.span.end]
    return AnswerResult(text, best.span, best.probability, made.windows[made.least].absent)


def location(head: QuestionAnswering, request: AnswerRequest, *, alone: bool = False) -> TaskRun[Location]:
    """How `locate` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    windows = head.encode_windows(request.question, request.context)
    found = yield from head.locate([window.row for window in windows], alone=alone)
    seen = tuple(_pointing(*one) for one in zip(windows, found, strict=True))
    numbers = range(len(seen))
    return Location(
        windows=seen,
        best=max(numbers, key=lambda number: seen[number].probability),
        least=min(numbers, key=lambda number: seen[number].absent),
    )


def _pointing(window: Window, logits: npt.NDArray[np.float32]) -> Pointing:
    allowed = np.array([place is not None for place in window.spans])
    allowed[0] = True
    probabilities = softmax(np.where(allowed, logits, -np.inf))
    together = spans(probabilities, window.spans)
    first, last = map(int, np.unravel_index(int(together.argmax()), together.shape))
    probability = float(together[first, last])
    start, end = probabilities
    borders = (first, last) if probability > 0 else None
    return Pointing(window, logits, probabilities, borders, probability, absent=float(start[0] * end[0]))


def spans(probabilities: Floats, places: Sequence[Span | None] = ()) -> Floats:
    """How likely each span of at most `ANSWER_TOKENS` tokens of the context is to be the answer.

    Args:
        probabilities: those of a `Pointing`, (2, tokens).
        places: those of its window; where they are given, white space alone is no answer.

    Returns:
        The product of both, by the first and the last token, (tokens, tokens); 0 for all other pairs.
    """
    start, end = probabilities.copy()
    start[0] = end[0] = 0
    together: Floats = np.tril(np.triu(np.outer(start, end)), ANSWER_TOKENS - 1)
    if any(_is_blank(place) for place in places):
        seen = np.cumsum([0, *(not _is_blank(place) for place in places)])
        together *= seen[None, 1:] > seen[:-1, None]
    return together


def _is_blank(place: Span | None) -> bool:
    return place is not None and place[0] == place[1]


def span_of(window: Window, first: int, last: int) -> AnswerSpan:
    """What two tokens of the context stand for, and all between them; half words are widened to whole ones."""
    seen = [place for place in window.spans[first : last + 1] if place is not None and not _is_blank(place)]
    return AnswerSpan(min(start for start, _ in seen), max(end for _, end in seen))


PROMPT = (
    "Text: Tom Baker was born in Leeds in 1970. He teaches mathematics, and has two sons.\n"
    "Question: Where was Tom born?\nAnswer: in Leeds\n"
    "Question: How many sons does he have?\nAnswer: two\n"
    "Question: What is his favourite colour?\nAnswer: not in the text\n"
    "Question: What does he teach?\nAnswer: mathematics\n\n"
    "Text: The shop on Main Street opens at nine. It sells bread and cheese, and belongs to Mr Hill.\n"
    "Question: When does the shop open?\nAnswer: at nine\n"
    "Question: Who does the shop belong to?\nAnswer: Mr Hill\n"
    "Question: How many people work there?\nAnswer: not in the text\n"
    "Question: What does it sell?\nAnswer: bread and cheese\n\n"
    "Text: {context}\nQuestion: {question}\nAnswer:"
)
NO_ANSWER = "not in the text"
"""How the prompt shows that a question has no answer."""
NEUTRAL = (
    "It was bigger than we had expected. He looked at the clock and said nothing. They put everything back in the box."
)
"""A text about nothing in particular: what is as likely an answer after it was not found in the context."""
WRITTEN_TOKENS = 24
"""The most tokens of an answer that is written."""
QUOTED_GAIN, OWN_GAIN = 1.0, 4.0
"""How much likelier the context must make an answer, as a difference of log-probabilities, for an even chance: one that
stands in the context, and one that does not."""

_QUOTES = " \"“”„«»「」『』'`"
_INITIALS = re.compile(r"(?:^|\W)\w(?:\.\w)+\.$")
"""Abbreviations that keep their full stop: U.S."""


@dataclass(frozen=True)
class Weighing:
    """How likely a written answer is after the context, and how likely it is anyway.

    Attributes:
        answer: its token ids, as they are weighed.
        after: the log-probability of each after the prompt with the context, (tokens,).
        usual: the same after the prompt with the neutral text.
        needed: by how much the context has to make the answer likelier for an even chance.
        probability: that it is the answer.
    """

    answer: tuple[int, ...]
    after: LogProbs
    usual: LogProbs
    needed: float
    probability: float


@dataclass(frozen=True)
class Guess:
    """How a causal language model comes to an answer.

    Attributes:
        context: what was read of the request's context.
        prompt: with the context and the question, as token ids.
        ids: what was written after it, with the token that ended it, if one did.
        text: the line that was written, tidied up.
        span: where the context says it; None where it does not.
        weighing: how the answer is weighed; None where the model wrote nothing, or that the context has no answer.
        truncated: whether the end of the context was not read.
    """

    context: str
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    text: str
    span: AnswerSpan | None
    weighing: Weighing | None
    truncated: bool


def write(head: CausalLM, request: AnswerRequest) -> TaskRun[AnswerResult]:
    """By a causal language model: write an answer, find it in the context, and weigh what the context adds to it.

    What the context makes no likelier than a neutral text does is a guess, and no answer.
    """
    made = yield from guess(head, request)
    if made.weighing is None:
        return AnswerResult("", None, 0.0, 1.0, made.truncated, guessed=True, ids=made.ids)
    probability = made.weighing.probability
    return AnswerResult(made.text, made.span, probability, 1 - probability, made.truncated, guessed=True, ids=made.ids)


def guess(
    head: CausalLM, request: AnswerRequest, written: Sequence[int] = (), *, alone: bool = False
) -> TaskRun[Guess]:
    """How `write` comes to its answer.

    Args:
        written: the token ids of an answer that was written before; where there are none, it is written.
        alone: keep other requests out of the batch.
    """

    def prompt(context: str) -> tuple[int, ...]:
        return head.encode(PROMPT.format(context=context, question=request.question))

    context, truncated = head.fit(
        request.context, lambda text: max(len(prompt(text)), len(prompt(NEUTRAL))) + WRITTEN_TOKENS
    )
    asked = prompt(context)
    ids = tuple(written) or (yield from _written(head, asked, alone=alone))
    text = clean_answer(first_line(head, ids))
    if not text or text.casefold().startswith(NO_ANSWER):
        return Guess(context, asked, ids, text, None, None, truncated)
    span = find_quote(request.context, text, request.question)
    needed = OWN_GAIN if span is None else QUOTED_GAIN
    weighing = yield from _weighed(head, text, (asked, prompt(NEUTRAL)), needed, alone=alone)
    return Guess(context, asked, ids, text, span, weighing, truncated)


def _weighed(
    head: CausalLM, text: str, prompts: tuple[tuple[int, ...], tuple[int, ...]], needed: float, *, alone: bool
) -> TaskRun[Weighing]:
    """Weigh an answer after the prompt with the context, and after the one with the neutral text."""
    answer = head.encode_rest(f" {text}")[:WRITTEN_TOKENS]
    rows = [head.continuations(prompt, [answer]) for prompt in prompts]
    [after], [usual] = yield from head.score(rows, alone=alone)
    gain = float(after.sum() - usual.sum()) - needed
    return Weighing(answer, after, usual, needed, float(sigmoid(gain)))


def _written(head: CausalLM, prompt: tuple[int, ...], *, alone: bool) -> TaskRun[tuple[int, ...]]:
    """The likeliest line, as token ids."""
    from bot.inference.heads.generation.sampling import Sampling

    row = head.generation(prompt, WRITTEN_TOKENS, sampling=Sampling.likeliest(), stop="\n")
    [output] = yield from head.generate([row], alone=alone)
    return output.written


def first_line(head: CausalLM, ids: Sequence[int]) -> str:
    """What was written, up to the first line break or the end of the text."""
    return head.decode([token for token in ids if token not in head.end_ids]).partition("\n")[0]


def clean_answer(line: str) -> str:
    """A written line without quotation marks, a full stop at its end, and what cannot be seen."""
    answer = " ".join(line.replace(REPLACEMENT_CHARACTER, "").split()).strip(_QUOTES)
    return answer if _INITIALS.search(answer) else answer.removesuffix(".").removesuffix("。").strip(_QUOTES)


def find_quote(context: str, answer: str, question: str = "") -> AnswerSpan | None:
    """Where an answer stands in a context, whatever its case: all of it, or the longest run of its words.

    None where the run is too small a part of the answer.

    Args:
        question: where the context says it several times, the place nearest to the question's words is taken.
    """
    place = find_place(context, answer, question)
    return None if place is None else AnswerSpan(*place)


TASK = Task("answer", AnswerRequest, {HeadKind.QUESTION_ANSWERING: locate, HeadKind.CAUSAL_LM: write})
