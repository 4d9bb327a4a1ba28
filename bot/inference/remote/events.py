"""Server-sent events, as the HTML standard defines their stream (section 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes. An explanation with the numbers of every layer has a few millions."""


class EventTooLarge(ValueError):
    """An event has more than `LARGEST_EVENT` bytes."""


@dataclass(frozen=True)
class ServerSentEvent:
    """An event with its data, which is JSON here."""

    name: str
    data: bytes


class EventParser:
    """Parses a stream of events that arrives in chunks of any size."""

    def __init__(self, limit: int = LARGEST_EVENT) -> None:
        self._limit = limit
        self._line = bytearray()
        self._after_return = False
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Parse the next chunk, and yield the events that it completes.

        Raises:
            EventTooLarge: an event has too many bytes.
        """
        if self._after_return and chunk.startswith(b"\n"):  # the line ended already
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        for piece in chunk.splitlines(keepends=True):
            self._line += piece
            if self._size + len(self._line) > self._limit:
                raise EventTooLarge
            if not piece.endswith((b"\n", b"\r")):
                continue
            line = bytes(self._line).rstrip(b"\r\n")
            self._line.clear()
            if (event := self._take(line)) is not None:
                yield event

    def _take(self, line: bytes) -> ServerSentEvent | None:
        """Take a whole line; return the event that it ends."""
        if line:
            field, _, value = line.partition(b":")  # a comment has an empty field
            self._set(field, value.removeprefix(b" "))
            return None
        event = ServerSentEvent(self._name or "message", b"\n".join(self._data)) if self._data else None
        self._name = ""
        self._data.clear()
        self._size = 0
        return event

    def _set(self, field: bytes, value: bytes) -> None:
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1  # with the line break behind it, or empty lines would be as many as one likes
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
