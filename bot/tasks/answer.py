"""`/answer`: where in a text is the answer to a question?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import Floats, sigmoid, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.question_answering import QuestionAnswering, Window

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
    """

    text: str
    span: AnswerSpan | None
    probability: float
    absent: float
    truncated: bool = False
    guessed: bool = False

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


def locate(head: QuestionAnswering, request: AnswerRequest) -> Steps[AnswerResult]:
    """By an encoder that was trained to point at answers; of a long context all windows are read in one step.

    As transformers' former pipeline did with `handle_impossible_answer`: in each window, softmax over the context's
    tokens and the first one, which stands for "no answer here"; the best window's answer, and the least "no answer".

    Source: Chen et al.: Reading Wikipedia to Answer Open-Domain Questions, 2017, arXiv:1704.00051.
    """
    windows = head.encode_windows(request.question, request.context)
    found = yield from head.locate([window.row for window in windows])
    best: tuple[float, AnswerSpan] = (0.0, AnswerSpan(0, 0))
    absent = 1.0
    for window, logits in zip(windows, found, strict=True):
        start, end = _probabilities(window, logits)
        absent = min(absent, float(start[0] * end[0]))
        best = max(best, _best_span(window.places, start, end), key=lambda one: one[0])
    probability, span = best
    return AnswerResult(request.context[span.start : span.end], span, probability, absent)


def _probabilities(window: Window, logits: npt.NDArray[np.float32]) -> Floats:
    """That the answer begins at a token, and that it ends with it, (2, tokens); 0 outside of the context."""
    allowed = np.array([place is not None for place in window.places])
    allowed[0] = True
    return softmax(np.where(allowed, logits, -np.inf))


def _best_span(places: Sequence[tuple[int, int] | None], start: Floats, end: Floats) -> tuple[float, AnswerSpan]:
    """The likeliest span of at most `ANSWER_TOKENS` tokens, with its probability."""
    start, end = start.copy(), end.copy()
    start[0] = end[0] = 0
    together = np.tril(np.triu(np.outer(start, end)), ANSWER_TOKENS - 1)
    first, last = np.unravel_index(int(together.argmax()), together.shape)
    begins, ends = places[int(first)], places[int(last)]
    if begins is None or ends is None:  # nothing but "no answer" has a probability
        return 0.0, AnswerSpan(0, 0)
    return float(together[first, last]), AnswerSpan(begins[0], ends[1])


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
QUOTED_SHARE = 0.6
"""The least share of the answer's letters that must stand in the context, in one piece, for it to be marked there."""

_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")


def write(head: CausalLM, request: AnswerRequest) -> Steps[AnswerResult]:
    """By a causal language model: write an answer, find it in the context, and weigh what the context adds to it.

    What the context makes no likelier than a neutral text does is a guess, and no answer.
    """

    def prompt(context: str) -> tuple[int, ...]:
        return head.encode(PROMPT.format(context=context, question=request.question))

    context, truncated = head.fit(
        request.context, lambda text: max(len(prompt(text)), len(prompt(NEUTRAL))) + WRITTEN_TOKENS
    )
    text = yield from _written(head, prompt(context))
    if not text or text.casefold().startswith(NO_ANSWER):
        return AnswerResult("", None, 0.0, 1.0, truncated, guessed=True)
    answer = head.encode_rest(f" {text}")[:WRITTEN_TOKENS]
    [after], [usual] = yield from head.score([head.continuations(prompt(one), [answer]) for one in (context, NEUTRAL)])
    span = find_quote(request.context, text)
    gain = float(after.sum() - usual.sum()) - (OWN_GAIN if span is None else QUOTED_GAIN)
    probability = float(sigmoid(gain))
    return AnswerResult(text, span, probability, 1 - probability, truncated, guessed=True)


def _written(head: CausalLM, prompt: tuple[int, ...]) -> Steps[str]:
    """The likeliest line."""
    from bot.inference.heads.sampling import Sampling

    row = head.generation(prompt, WRITTEN_TOKENS, sampling=Sampling.likeliest(), stop="\n")
    [output] = yield from head.generate([row])
    return clean_answer(head.decode(output.ids).partition("\n")[0])


def clean_answer(line: str) -> str:
    """A written line without quotation marks, a full stop at its end, and what cannot be seen."""
    return " ".join(line.replace("\N{REPLACEMENT CHARACTER}", "").split()).strip(" \"“”'`").removesuffix(".")


def find_quote(context: str, answer: str) -> AnswerSpan | None:
    """Where an answer stands in a context, whatever its case: all of it, or the longest run of its words.

    None where the run is too small a part of the answer.
    """
    words = [match[0] for match in _WORD.finditer(answer)]
    letters = sum(map(len, words))
    for length in range(len(words), 0, -1):
        runs = [words[first : first + length] for first in range(len(words) - length + 1)]
        runs.sort(key=lambda run: -sum(map(len, run)))
        for run in runs:
            if sum(map(len, run)) < QUOTED_SHARE * letters:
                break
            if (found := re.search(_pattern(run), context, re.IGNORECASE)) is not None:
                return AnswerSpan(*found.span())
    return None


def _pattern(words: Sequence[str]) -> str:
    """These words, with anything but words between them."""
    return r"(?<!\w)" + r"\W+".join(map(re.escape, words)) + r"(?!\w)"


TASK = Task("answer", AnswerRequest, {HeadKind.QUESTION_ANSWERING: locate, HeadKind.CAUSAL_LM: write})
