"""An address at which models answer, and the choice among several."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from circuitbreaker import CircuitBreaker
from yarl import URL

from bot.errors import GlassboxError, ShuttingDown
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.remote.failures import AttemptFailed
from bot.inference.remote.limits import RemoteLimits
from bot.inference.status import WorkerStatus

log = logging.getLogger(__name__)

NOT_ASKED = AttemptFailed("it was not asked yet")


@dataclass(eq=False)
class Endpoint:
    """An address, and what is known about the server there.

    Attributes:
        breaker: open while the server fails, so that nobody waits for it.
        failure: of the last call; None if it was answered.
        status: what was heard last, perhaps long ago.
        is_draining: whether it has refused a request because it is being stopped.
        languages: by task and by checkpoint, as far as heard.
        open_requests: how many of this process's requests it is answering.
        turn: when it was chosen last, as a number that grows.
    """

    url: URL
    breaker: CircuitBreaker
    failure: AttemptFailed | None = NOT_ASKED
    status: WorkerStatus | None = None
    languages: Mapping[str, LanguagePairs | None] = field(default_factory=dict)
    open_requests: int = 0
    turn: int = 0
    is_draining: bool = False

    @property
    def name(self) -> str:
        """The machine and the port, for the log."""
        return f"{self.url.host}:{self.url.port}"

    @property
    def accepting(self) -> bool:
        """Whether it answered last, and said that it accepts requests."""
        return self.answers and not self.is_draining and (self.status is None or self.status.accepting)

    @property
    def answers(self) -> bool:
        """Whether the last call was answered."""
        return self.failure is None

    def lacks(self, name: str) -> bool:
        """Return whether the server has said that it has no checkpoint of this name, nor one for a task of this name.

        One that was not heard yet may have it.
        """
        known = None if self.status is None else self.status.checkpoints
        return known is not None and not any(name == one.name or name in one.tasks for one in known)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note if the server answers the call in the body as it should, be it with an error of Glassbox's."""
        try:
            yield
        except AttemptFailed as failure:
            self._has_failed(failure)
            raise
        except GlassboxError as error:
            self._has_answered()
            self.is_draining = isinstance(error, ShuttingDown)
            raise
        self._has_answered()

    def _has_failed(self, failure: AttemptFailed) -> None:
        with contextlib.suppress(AttemptFailed), self.breaker:  # which counts what goes through it
            raise failure
        if self.answers or self.failure is NOT_ASKED:
            log.warning("the models at %s cannot be reached: %s", self.name, failure.reason)
        self.failure = failure

    def _has_answered(self) -> None:
        self.breaker.reset()
        if not self.answers and self.failure is not NOT_ASKED:
            log.warning("the models at %s can be reached again", self.name)
        self.failure = None

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Count a request while the body runs."""
        self.open_requests += 1
        try:
            yield
        finally:
            self.open_requests -= 1


class Endpoints:
    """All addresses. Requests go to the least busy one that works."""

    def __init__(self, addresses: Iterable[URL], limits: RemoteLimits) -> None:
        # A breaker is used as a context manager, without a decorator: the library keeps decorated ones for ever.
        self._all = [
            Endpoint(url, CircuitBreaker(limits.failures, limits.recovery_seconds, AttemptFailed, name=str(index)))
            for index, url in enumerate(addresses)
        ]
        self._turns = itertools.count(1)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def working(self, excluded: Collection[Endpoint] = ()) -> list[Endpoint]:
        """Return those whose circuit breakers are not open."""
        return [one for one in self._all if one not in excluded and not one.breaker.opened]

    def choose(self, tried: Collection[Endpoint] = (), excluded: Collection[Endpoint] = ()) -> Endpoint | None:
        """Choose the address for a request; return None if none works.

        Those that accept come first, then those that were not tried, then the least busy; equal ones take turns.
        """

        def order(one: Endpoint) -> tuple[bool, bool, int, int]:
            return (one in tried, not one.accepting, one.open_requests, one.turn)

        chosen = min(self.working(excluded), key=order, default=None)
        if chosen is not None:
            chosen.turn = next(self._turns)
        return chosen
