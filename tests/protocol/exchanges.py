"""What a simulated Discord is sent and sends: requests with their files and answers, and interactions."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from simcord.backend.errors import BackendError
from simcord.http import router

Json = dict[str, Any]


@dataclass(frozen=True)
class SentFile:
    """A file of a request."""

    name: str
    description: str | None
    size: int
    head: bytes
    """Its first eight bytes."""


@dataclass(frozen=True)
class Exchange:
    """A request, and what came of it."""

    method: str
    path: str
    body: Any = None
    params: frozenset[str] = frozenset()
    files: tuple[SentFile, ...] = ()
    message: str | None = None
    """The id of the message that it made or changed, as Discord says."""
    refusal: str | None = None
    """The error that it was answered with."""
    status: int = 200
    planned: bool = False
    """The error is one that the test asked for."""


@dataclass(frozen=True)
class Arrival:
    """An interaction's payload."""

    payload: Json


@dataclass
class Record:
    """Everything in order, of one simulated Discord or of all of them."""

    events: list[Exchange | Arrival] = field(default_factory=list)

    def listen(self, backend: Any) -> None:
        """Record the interactions that a simulated Discord sends from now on."""
        backend.subscribers.append(self._heard)

    def _heard(self, event: str, payload: Any) -> None:
        if event == "INTERACTION_CREATE":
            self.events.append(Arrival(payload))


@contextmanager
def recording() -> Iterator[Record]:
    """Record the requests that bots send to simulated Discords."""
    record, dispatch = Record(), router.dispatch

    def seen(backend: Any, method: str, path: str, **given: Any) -> Any:
        files = tuple(map(_described, given.get("files") or ()))
        planned = any(
            fault["method"] in (method, "*") and fnmatch.fnmatch(path, fault["path"]) for fault in backend.faults
        )
        place = len(backend.http_requests)
        answer, refusal, status = None, None, 200
        try:
            answer = dispatch(backend, method, path, **given)
        except BackendError as error:
            refusal, status = str(error), error.status
            raise
        finally:
            entry = backend.http_requests[place]  # with copies of what was sent
            params = frozenset(entry.params)
            record.events.append(
                Exchange(method, path, entry.json, params, files, _message(answer), refusal, status, planned)
            )
        return answer

    router.dispatch = seen
    try:
        yield record
    finally:
        router.dispatch = dispatch


def _described(file: Any) -> SentFile:
    place = file.fp.tell()
    head = file.fp.read(8)
    size = file.fp.seek(0, 2) - place
    file.fp.seek(place)
    return SentFile(file.filename, file.description, size, head)


def _message(answer: Any) -> str | None:
    """The id of the message in an answer."""
    if not isinstance(answer, dict):
        return None
    if "interaction" in answer and "id" not in answer:
        answer = answer.get("resource", {}).get("message") or {"id": answer["interaction"]["response_message_id"]}
    found = answer.get("id")
    return None if found is None else str(found)
