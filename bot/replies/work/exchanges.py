"""Words that could stand in the place of others in a text, asked of the model of `/fill`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from bot.errors import GlassboxError, InvalidRequest
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.tasks.fill import MOST_GUESSES, FillRequest, FillResult
from bot.tasks.prompts.cloze import BLANK
from bot.tasks.work.changes import around
from bot.tasks.work.flipping import MOST_EXCHANGED, MOST_WORDS
from bot.tasks.work.request import Exchange
from bot.tasks.work.units import Units, words_of

SECONDS = 20.0
"""How long they are waited for, loading of the checkpoint included."""


async def exchanges_of(
    backend: Backend, text: str, places: Sequence[int], person: int, seconds: float = SECONDS
) -> tuple[Exchange, ...]:
    """Return words for some places of a text, as many as come in time; nothing if no model can be asked.

    Args:
        places: indices of its words, those first that matter most.
    """
    whole = Units("word", tuple(words_of(text)))
    asked: dict[int, Answering[FillResult]] = {}
    until = time.perf_counter() + seconds
    try:
        for place, request in _requests(whole, places[:MOST_EXCHANGED]):
            # Nobody looks at these answers themselves, so they do not count among the person's requests.
            asked[place] = backend.submit(request, person=person, background=True)
        found: list[Exchange] = []
        for place, answering in asked.items():
            if not await answering.wait(max(until - time.perf_counter(), 0.0)):
                break
            with contextlib.suppress(InvalidRequest):  # this place is beyond the model's context
                [guesses] = (await answering).result.masks
                found.append(Exchange(place, tuple(one.word for one in guesses)))
        return tuple(found)
    except GlassboxError:
        return ()
    finally:
        for answering in asked.values():
            answering.cancel()


def _requests(whole: Units, places: Sequence[int]) -> Iterator[tuple[int, FillRequest]]:
    """Yield a request for each place; none for a text with masks of its own."""
    for place in places:
        # One more, because the word itself may be among them.
        with contextlib.suppress(InvalidRequest):
            request = FillRequest("".join(around(whole, place, BLANK)), min(MOST_WORDS + 1, MOST_GUESSES))
            if len(request.parts) == 2:
                yield place, request
