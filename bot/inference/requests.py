"""The bases of requests and results, and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeAlias, TypeVar

from pydantic import Field

ResultT_co = TypeVar("ResultT_co", covariant=True)

ChosenCheckpoint: TypeAlias = Annotated[str | None, Field(exclude_if=lambda chosen: chosen is None)]


@dataclass(frozen=True)
class Request(Generic[ResultT_co]):
    """Base of all requests; the type parameter is the result that it is answered with.

    A request that can be constructed is valid: constructors raise `InvalidRequest`.

    Attributes:
        checkpoint: the name of the checkpoint that the person chose; None for the one that is set for the task. Not in
            the JSON if it is None, so that versions without this field read the others.
    """

    checkpoint: ChosenCheckpoint = field(default=None, kw_only=True)

    @property
    def checkpoint_task(self) -> str | None:
        """The task whose checkpoint answers this if none was chosen; None for the request's own task."""
        return None

    @property
    def subject(self) -> str:
        """The text that it is about, for a title to quote."""
        return ""

    @property
    def quotes_channel(self) -> bool:
        """Whether it contains a channel's messages, which only readers of that channel may see."""
        return False


@dataclass(frozen=True)
class LabelScore:
    """A label and its probability, 0 to 1."""

    label: str
    probability: float


class Result:
    """Base of all results, with the attributes that explanations read."""

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """The first thing in the reply: the likeliest label, or the likeliest word of each mask."""
        return ()

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """Token ids of each generated text, in order, with the token that ended it if there was one."""
        return ()


@dataclass(frozen=True)
class Answer(Generic[ResultT_co]):
    """A result and how it was computed."""

    result: ResultT_co
    checkpoint: str
    """Display name of the checkpoint that answered."""
    device: str
    """As PyTorch writes it: `cpu`, `cuda:0`; if there were several, `cuda:0 and cuda:1`."""
    precision: str
    """The data type of the weights: `float32`, `bfloat16`, `float16`."""
    seconds: float
    """From the moment when the checkpoint was loaded and calibrated, waiting in the queue included."""
    note: str | None = None
    """A sentence about this checkpoint for people, if there is one."""
    waited: float = 0.0
    """Seconds in the queue: how long its rows waited for a device; 0 if the result was remembered."""
    rows: int = 0
    """Of the largest forward pass that its rows took part in, other requests' included; 0 if it was remembered."""
