"""A task: which requests it answers, and how on each kind of head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from bot.errors import ModelUnavailable
from bot.inference.operations import TaskRun
from bot.inference.requests import Request

ResultT = TypeVar("ResultT")


class HeadKind(StrEnum):
    """What a checkpoint can do, decided by its architecture."""

    SEQUENCE_CLASSIFIER = "sequence classifier"
    MASKED_LM = "masked language model"
    CAUSAL_LM = "causal language model"
    SEQ2SEQ_LM = "encoder-decoder language model"
    TOKEN_CLASSIFIER = "token classifier"  # noqa: S105 (of language)
    EMBEDDER = "sentence encoder"
    QUESTION_ANSWERING = "question answering model"


# A head's class imports torch, and cogs import tasks: so these cannot say which head and request belong together.
Implementation: TypeAlias = Callable[[Any, Any], TaskRun[ResultT]]
"""A generator function `(head, request) -> TaskRun[result]`."""
Preview: TypeAlias = Callable[[Any, Any, Sequence[Sequence[Any]]], ResultT]
"""Makes a result of what is generated so far: `(head, request, progress of each row) -> result`."""
Calibration: TypeAlias = Callable[[Any], TaskRun[None]]
"""A generator function `head -> TaskRun[None]` that keeps what it measures in `head.calibrations`."""


@dataclass(frozen=True)
class Task(Generic[ResultT]):
    """How requests of one kind are answered.

    Attributes:
        name: the command's name, and the key in the catalogue.
        request: the class of its requests.
        implementations: for each kind of head that can answer them.
        repeatable: whether equal requests have equal results, so that one computation serves all of them.
        weight: how many ordinary results one of its results counts for in the cache, because some are large.
        previews: for the kinds of heads whose results can be shown while they are generated.
        calibrations: for the kinds of heads whose checkpoints must be measured first. Run once, after loading; a second
            run does nothing.
        from_text: whether a text alone makes a request: `request(text)`.
    """

    name: str
    request: type[Request[ResultT]]
    implementations: Mapping[HeadKind, Implementation[ResultT]]
    repeatable: bool = True
    weight: int = 1
    previews: Mapping[HeadKind, Preview[ResultT]] = field(default_factory=dict)
    calibrations: Mapping[HeadKind, Calibration] = field(default_factory=dict)
    from_text: bool = False

    def start(self, head: Any, request: Request[ResultT]) -> TaskRun[ResultT]:
        """Start to answer a request on a head.

        Raises:
            ModelUnavailable: heads of this kind cannot do the task.
        """
        self.check(head.kind)
        return self.implementations[head.kind](head, request)

    def check(self, kind: HeadKind) -> None:
        """Raise `ModelUnavailable` if heads of this kind cannot do the task."""
        if kind not in self.implementations:
            possible = " or ".join(map(_with_article, self.implementations))
            raise ModelUnavailable(
                f"The checkpoint that is set for /{self.name} is {_with_article(kind)}, and this command needs "
                f"{possible}. Whoever runs this bot can change it with {self.name.upper()}_CHECKPOINT."
            )


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
