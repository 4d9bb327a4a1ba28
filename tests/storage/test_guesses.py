"""Guesses at the same moment, from two processes: each person's first one counts, once."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.storage import RequestStore
from bot.storage.guesses import GAVE_UP
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from tests.storage.conftest import Place

PEOPLE = range(1, 9)
QUESTION = GuessRequest.of(SentimentRequest("I love apples"))


async def asked(store: RequestStore) -> str:
    identity = await store.keep(QUESTION, person=1)
    assert identity is not None
    return identity


async def test_everybody_presses_everything_at_once(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        question = await asked(one)
        pressed = [(person, chosen) for person in PEOPLE for chosen in (0, 1, GAVE_UP)]

        stores = [(one, other)[index % 2] for index in range(len(pressed))]
        kept = await asyncio.gather(
            *(store.guesses.guess(question, *press) for store, press in zip(stores, pressed, strict=True))
        )

        counting = dict(zip((person for person, _ in pressed), kept, strict=True))
        # Whatever somebody pressed, one and the same counts.
        assert kept == [counting[person] for person, _ in pressed]
        expected = Counter(counting.values())
        assert await one.guesses.counts(question) == await other.guesses.counts(question) == expected
        assert sum(expected.values()) == len(PEOPLE)
