"""What every request, result and answer has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True)
class Request(Generic[ResultT_co]):
    """Base of all requests; the type parameter is the result that it is answered with.

    A request that can be constructed is valid: constructors raise `InvalidRequest`.
    """

    @property
    def checkpoint(self) -> str | None:
        """The task whose checkpoint answers this, if that is not the request's own task."""
        return None

    @property
    def subject(self) -> str:
        """The text that it is about, as a title would quote it."""
        return ""

    @property
    def quotes_channel(self) -> bool:
        """Whether it contains a channel's messages, which only members who can read that channel may see."""
        return False


@dataclass(frozen=True)
class LabelScore:
    """A label and its probability, 0 to 1."""

    label: str
    probability: float


class Result:
    """Base of all results: what an explanation needs to know of a result, with defaults for results without it."""

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """What the reply says first: the likeliest label, or the likeliest word of each mask."""
        return ()

    @property
    def generated(self) -> tuple[tuple[int, ...], ...]:
        """Token ids of each generated text, in the order of generation, each with the token that ended it if any."""
        return ()


@dataclass(frozen=True)
class Answer(Generic[ResultT_co]):
    """A result, and how it was computed."""

    result: ResultT_co
    checkpoint: str
    """Display name of the checkpoint that answered."""
    device: str
    """The device it ran on, as PyTorch writes it: `cpu`, `cuda:0`; if there were several, `cuda:0 and cuda:1`."""
    precision: str
    """The data type of the weights: `float32`, `bfloat16`, `float16`."""
    seconds: float
    """From when the checkpoint was ready (loaded and calibrated) to the result, waiting in the queue included."""
    note: str | None = None
    """What people should know about this checkpoint, if anything."""
