"""The places of a written text at which it could have gone on otherwise, and the other tokens there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.inference.tokenization.tokens import Token
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest

Branching: TypeAlias = GenerateRequest | CompleteRequest | ChatRequest
"""Requests whose texts can go on from another token."""


@dataclass(frozen=True)
class OtherToken:
    """A token that was not taken, and its probability by the model alone."""

    token: Token
    probability: float


@dataclass(frozen=True)
class Place:
    """A place of a written text: its number, from 1, the token that was taken, and the likeliest others."""

    number: int
    taken: OtherToken
    bits: float
    """The entropy of the prediction: how unsure the model was there."""
    others: tuple[OtherToken, ...]


@dataclass(frozen=True)
class Places:
    """The places of one text, the most uncertain first.

    Attributes:
        text: its index among the texts that are explained.
        written: its token ids.
    """

    text: int
    written: tuple[int, ...]
    places: tuple[Place, ...]

    def at(self, number: int | None) -> Place:
        """Return the place with a number; the most uncertain one if there is none of it."""
        return next((one for one in self.places if one.number == number), self.places[0])


def branched(request: Branching, written: tuple[int, ...], place: int, token: int) -> Branching:
    """Return the request for a text that begins like another one, and then goes on from another token.

    Args:
        request: what the other text answered.
        written: its token ids.
        place: the number of the token that is replaced, from 1.
        token: the id of the one in its place.
    """
    begun = (*written[: place - 1], token)
    if isinstance(request, GenerateRequest):
        return replace(request, begun=begun, num_return_sequences=1)
    return replace(request, begun=begun)
