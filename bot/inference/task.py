"""A task: which requests it answers, and how on each kind of head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Never, TypeVar

from bot.errors import ModelUnavailable
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.locales.message import Message, later
from bot.locales.values import later_either

HeadT_contra = TypeVar("HeadT_contra", contravariant=True)
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
ResultT = TypeVar("ResultT")


class HeadKind(StrEnum):
    """The kinds of heads, decided by a checkpoint's architecture."""

    SEQUENCE_CLASSIFIER = "sequence classifier"
    MASKED_LM = "masked language model"
    CAUSAL_LM = "causal language model"
    SEQ2SEQ_LM = "encoder-decoder language model"
    TOKEN_CLASSIFIER = "token classifier"  # noqa: S105 (of language)
    EMBEDDER = "sentence encoder"
    QUESTION_ANSWERING = "question answering model"


# Translators: kinds of models, as in "The checkpoint that is set for /fill is a causal language model, and this command
# needs a masked language model or a causal language model."
KINDS: Mapping[HeadKind, Message] = {
    HeadKind.SEQUENCE_CLASSIFIER: later("a sequence classifier"),
    HeadKind.MASKED_LM: later("a masked language model"),
    HeadKind.CAUSAL_LM: later("a causal language model"),
    HeadKind.SEQ2SEQ_LM: later("an encoder-decoder language model"),
    HeadKind.TOKEN_CLASSIFIER: later("a token classifier"),
    HeadKind.EMBEDDER: later("a sentence encoder"),
    HeadKind.QUESTION_ANSWERING: later("a question answering model"),
}
"""With their articles."""


@dataclass(frozen=True)
class Abilities:
    """What is known of a checkpoint before it is loaded.

    Attributes:
        architecture: the class name in `config.json`.
        labels: of a classifier; None if they are not known yet.
    """

    kind: HeadKind
    architecture: str
    labels: tuple[str, ...] | None = None

    @property
    def infers(self) -> bool | None:
        """Whether its labels are those of natural language inference; None if they are not known yet."""
        if self.labels is None:
            return None
        return any(label.lower().startswith("entail") for label in self.labels)


@dataclass(frozen=True)
class Implementation(Generic[HeadT_contra, RequestT_contra, ResultT]):
    """How one kind of head answers the requests of a task.

    Attributes:
        run: a generator function that answers a request.
        preview: returns a result of the token ids that each row has generated so far; None for results that cannot be
            shown before they are complete.
        calibrate: a generator function that measures the checkpoint before its first request, and keeps the outcome in
            `head.calibrations`; a second run does nothing.
    """

    run: Callable[[HeadT_contra, RequestT_contra], TaskRun[ResultT]]
    preview: Callable[[HeadT_contra, RequestT_contra, Sequence[Sequence[int]]], ResultT] | None = None
    calibrate: Callable[[HeadT_contra], TaskRun[None]] | None = None


@dataclass(frozen=True)
class Task(Generic[ResultT]):
    """How requests of one kind are answered.

    Attributes:
        name: the command's name, and the key in the catalogue.
        request: the class of its requests.
        implementations: by the kind of head.
        repeatable: whether equal requests have equal results, so that one computation serves all of them.
        weight: how many ordinary results one of its results counts for in the cache, because some are large.
        from_text: whether a text alone makes a request: `request(text)`.
        suits: whether a checkpoint with a fitting head knows enough for the task; None if every one does.
    """

    name: str
    request: type[Request[ResultT]]
    # `Never`, because only the implementation knows its head: here, heads' classes would import torch for every cog.
    implementations: Mapping[HeadKind, Implementation[Never, Never, ResultT]]
    repeatable: bool = True
    weight: int = 1
    from_text: bool = False
    suits: Callable[[Abilities], bool] | None = None

    @property
    def takes_any_head(self) -> bool:
        """Whether every checkpoint can do it."""
        return self.suits is None and len(self.implementations) == len(HeadKind)

    def can_use(self, abilities: Abilities) -> bool:
        """Return whether a checkpoint can do it, judging by its architecture."""
        return abilities.kind in self.implementations and (self.suits is None or self.suits(abilities))

    def start(self, head: Any, request: Any) -> TaskRun[ResultT]:
        """Start to answer a request on a head.

        Raises:
            ModelUnavailable: heads of this kind cannot do the task.
        """
        return self.on(head.kind).run(head, request)

    def calibration(self, head: Any) -> TaskRun[None] | None:
        """Start to calibrate a head; return None if it needs no calibration."""
        implementation = self.implementations.get(head.kind)
        return None if implementation is None or implementation.calibrate is None else implementation.calibrate(head)

    def on(self, kind: HeadKind) -> Implementation[Never, Never, ResultT]:
        """Return how heads of a kind answer; raise `ModelUnavailable` if they cannot do the task."""
        if (implementation := self.implementations.get(kind)) is not None:
            return implementation
        raise ModelUnavailable(
            later(
                # Translators: {kind} and the items of {possible} are such as "a causal language model".
                "The checkpoint that is set for {command} is {kind}, and this command needs {possible}. Whoever "
                "runs this bot can change it with {setting}.",
                command=f"/{self.name}",
                kind=KINDS[kind],
                possible=later_either(KINDS[one] for one in self.implementations),
                setting=f"{self.name.upper()}_CHECKPOINT",
            )
        )
