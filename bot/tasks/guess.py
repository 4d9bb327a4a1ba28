"""`/guess`: what will the model say? The likeliest answers to a command, to choose from before it opens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.inference.requests import LabelScore, Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.locales.values import later_enumerated
from bot.tasks import complete, fill, generate, sentiment, zeroshot
from bot.tasks.complete import CompleteRequest
from bot.tasks.fill import FillRequest, FillResult
from bot.tasks.generate import GenerateRequest
from bot.tasks.work.following import as_they_follow
from bot.tasks.work.request import read_request, write_request

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

MOST_LABELS = 20
MOST_WORDS = 4
"""Words or tokens to choose from."""
TASKS: dict[str, Task[Any]] = {
    task.name: task for task in (sentiment.TASK, zeroshot.TASK, fill.TASK, generate.TASK, complete.TASK)
}
"""The commands whose answers can be guessed."""
ONE_BLANK = later("Only one word can be guessed at a time. Please leave one blank in the text.")
NO_CHOICE = later("The model has only one answer here, so there is nothing to guess. Please choose another checkpoint.")


@dataclass(frozen=True)
class GuessResult(Result):
    """What can be chosen, with the model's probabilities, in an order that says nothing of them."""

    options: tuple[LabelScore, ...]


@dataclass(frozen=True)
class GuessRequest(Request[GuessResult]):
    """Asks for what can be chosen, before an answer to another request opens.

    Attributes:
        task: the other request's.
        content: the other request's fields, in JSON.
        options: what was found, for the buttons behind which the request is kept; empty for a new one.
    """

    task: str
    content: str
    options: tuple[LabelScore, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise InvalidRequest(
                later(
                    "Please choose one of these commands to guess its answer: {commands}.",
                    commands=later_enumerated(f"/{one}" for one in TASKS),
                )
            )
        about = self.about  # raises if the content isn't that of a request
        if isinstance(about, FillRequest) and len(about.parts) > 2:
            raise InvalidRequest(ONE_BLANK)

    @classmethod
    def of(cls, request: Request[Any]) -> GuessRequest:
        """Ask for what can be chosen as the answer to a request."""
        return cls(*write_request(request), checkpoint=request.checkpoint)

    @property
    def checkpoint_task(self) -> str:
        """The other request's task."""
        return self.task

    @property
    def subject(self) -> str:
        """That of the other request."""
        return self.about.subject

    @cached_property
    def about(self) -> Request[Any]:
        """The other request."""
        return read_request(self.task, self.content)

    @property
    def is_about_tokens(self) -> bool:
        """Whether the next token is guessed, rather than a label or a word."""
        return isinstance(self.about, GenerateRequest | CompleteRequest)

    @property
    def right(self) -> int:
        """The index of the option that the model finds the likeliest."""
        return max(range(len(self.options)), key=lambda index: self.options[index].probability)


def guess(head: Any, request: GuessRequest) -> TaskRun[GuessResult]:
    """Find what can be chosen, by the answer itself or, for a text, by the likeliest next tokens."""
    about = request.about
    if isinstance(about, GenerateRequest | CompleteRequest):
        TASKS[request.task].on(head.kind)  # raises if it is no language model
        found = yield from _next_tokens(head, about)
    else:
        result = yield from TASKS[request.task].start(head, about)
        found = _scores(result)[: MOST_WORDS if isinstance(result, FillResult) else MOST_LABELS]
    if len(found) < 2:
        raise InvalidRequest(NO_CHOICE)
    return GuessResult(tuple(sorted(found, key=lambda one: (one.label.casefold(), one.label))))


def _scores(result: Any) -> list[LabelScore]:
    if isinstance(result, FillResult):
        return list(_distinct(LabelScore(one.word, one.probability) for one in result.masks[0]))
    return list(result.scores)


def _next_tokens(head: CausalLM, about: GenerateRequest | CompleteRequest) -> TaskRun[list[LabelScore]]:
    """Return the likeliest tokens behind a prompt, as they would follow it."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    if isinstance(about, GenerateRequest):
        prompt = generate.read_prompt(head, about).ids
    else:
        prompt = complete.read_prompt(head, about).ids
    # The written token is only predicted, so any serves; Show the work computes its numbers in the same way.
    [found] = yield from head.token_log_probs([ForcedText(tuple(prompt), (0,), Sampling.likeliest()).row])
    ids = found.top[0].tolist()
    texts = as_they_follow(head, ids)
    scores = zip(ids, found.top_log_probs[0].tolist(), strict=True)
    return list(_distinct(LabelScore(texts[token], math.exp(value)) for token, value in scores))[:MOST_WORDS]


def _distinct(scores: Iterable[LabelScore]) -> Iterator[LabelScore]:
    """Yield each label once, the first time."""
    seen: set[str] = set()
    for one in scores:
        if one.label not in seen:
            seen.add(one.label)
            yield one


TASK = Task("guess", GuessRequest, dict.fromkeys(HeadKind, Implementation(guess)))
