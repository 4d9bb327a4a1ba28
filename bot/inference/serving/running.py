"""The answers that this process gives at the moment."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator

from bot.errors import ShuttingDown
from bot.inference.answering import Answering


class RunningAnswers:
    """The answers under way, by ids that nobody can guess."""

    def __init__(self) -> None:
        self._answers: dict[str, Answering[object]] = {}
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Count a call until its response has been sent.

        Raises:
            ShuttingDown: this process drains.
        """
        if self.draining:
            raise ShuttingDown
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    @contextlib.contextmanager
    def held(self, answering: Answering[object]) -> Iterator[str]:
        """Keep an answer that can be stopped under the id; give it up if it is not done in the end."""
        identity = secrets.token_urlsafe(12)
        self._answers[identity] = answering
        try:
            yield identity
        finally:
            del self._answers[identity]
            answering.cancel()

    def __len__(self) -> int:
        return self._calls

    def stop(self, identity: str) -> bool:
        """Make the text so far the answer; return whether there is such an answer."""
        answering = self._answers.get(identity)
        if answering is None:
            return False
        answering.stop()
        return True

    async def drain(self) -> None:
        """Refuse new calls, and wait until those that run have got their responses."""
        self.draining = True
        await self._idle.wait()
