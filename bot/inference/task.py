"""A task: which requests it answers, and how on each kind of head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

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


@dataclass(frozen=True)
class Task(Generic[ResultT]):
    """How requests of one kind are answered.

    Attributes:
        name: the command's name, and the key in the catalogue.
        request: the class of its requests.
        ways: for each kind of head that can do it, the generator function `(head, request) -> TaskRun[result]`.
        repeatable: whether equal requests have equal results, so that one computation serves all of them.
        weight: how many ordinary results one of its results counts for where they are remembered: some are large.
        previews: for kinds of heads whose way can show what there is so far, the function
            `(head, request, progress of each row) -> result`.
        calibrations: for kinds of heads whose way needs something first that takes time, such as a measurement of the
            checkpoint, the generator function `head -> TaskRun[None]` that does so and keeps what it finds in
            `head.notes`. It is run once, after loading; a second run does nothing.
    """

    name: str
    request: type[Request[ResultT]]
    ways: Mapping[HeadKind, Callable[[Any, Any], TaskRun[ResultT]]]
    repeatable: bool = True
    weight: int = 1
    previews: Mapping[HeadKind, Callable[[Any, Any, Sequence[Sequence[Any]]], ResultT]] = field(default_factory=dict)
    calibrations: Mapping[HeadKind, Callable[[Any], TaskRun[None]]] = field(default_factory=dict)
    from_text: bool = False
    """Whether a text alone makes a request: `request(text)`."""

    def steps(self, head: Any, request: Request[ResultT]) -> TaskRun[ResultT]:
        """Begin to answer a request on a head.

        Raises:
            ModelUnavailable: heads of this kind cannot do the task.
        """
        self.check(head.kind)
        return self.ways[head.kind](head, request)

    def check(self, kind: HeadKind) -> None:
        """Raise `ModelUnavailable` where heads of this kind cannot do the task."""
        if kind not in self.ways:
            possible = " or ".join(map(_with_article, self.ways))
            raise ModelUnavailable(
                f"The checkpoint that is set for /{self.name} is {_with_article(kind)}, and this command needs "
                f"{possible}. Whoever runs this bot can change it with {self.name.upper()}_CHECKPOINT."
            )


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
