"""Turns in a conversation, for as long as somebody can still be answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from bot.errors import Unanswered
from bot.locales.message import later
from bot.storage.conversations import Conversations, Notify, Turn

TOO_LATE = later(
    "Others were answered here for so long that your turn has not come in time. Please send your message again."
)


@contextlib.asynccontextmanager
async def turn_in_time(
    conversations: Conversations,
    channel_id: int,
    person: int,
    seconds_left: Callable[[], float],
    while_waiting: Notify,
) -> AsyncIterator[Turn]:
    """Wait for a person's turn to speak in a channel, for as long as they can be answered.

    Args:
        seconds_left: returns for how long that is.
        while_waiting: called if others come first, to show the person that an answer follows.

    Raises:
        Refused: too many are waiting already.
        Unanswered: the turn has not come in time.
    """
    async with contextlib.AsyncExitStack() as taken:
        try:
            async with asyncio.timeout(None) as limit:

                async def wait_in_line() -> None:
                    await while_waiting()
                    limit.reschedule(asyncio.get_running_loop().time() + seconds_left())

                turn = await taken.enter_async_context(conversations.turn(channel_id, wait_in_line, person=person))
        except TimeoutError:
            raise Unanswered(TOO_LATE) from None
        yield turn
