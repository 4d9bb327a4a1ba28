"""Server-sent events, in whatever pieces they arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.remote.events import EventParser, EventTooLarge, ServerSentEvent
from bot.inference.wire.events import KEEP_ALIVE, Event, event_message


def parsed(*chunks: bytes) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"event: state\ndata: {}\n\n", [("state", b"{}")]),
        (b"event:state\r\ndata:{}\r\n\r\n", [("state", b"{}")]),
        (b"event: state\rdata: {}\r\r", [("state", b"{}")]),
        (b"data: 1\n\ndata: 2\n\n", [("message", b"1"), ("message", b"2")]),
        (b"data: a\ndata: b\n\n", [("message", b"a\nb")]),
        (b"data:  two spaces\n\n", [("message", b" two spaces")]),
        (b"data\n\n", [("message", b"")]),
        (b": a comment\n\n" + KEEP_ALIVE, []),
        (b"event: state\n\n", []),  # without data it is none
        (b"event: state\n\ndata: 1\n\n", [("message", b"1")]),  # nor does its name stay
        (b"id: 7\nretry: 10\nunknown: x\ndata: 1\n\n", [("message", b"1")]),
        (b"data: unfinished\n", []),
        ("data: é\n\n".encode(), [("message", "é".encode())]),
    ],
)
def test_the_standard(stream: bytes, events: list[tuple[str, bytes]]) -> None:
    expected = [ServerSentEvent(name, data) for name, data in events]
    assert parsed(stream) == expected
    assert parsed(*(bytes([byte]) for byte in stream)) == expected


@given(
    events=st.lists(
        st.tuples(st.sampled_from(Event), st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))), max_size=5
    ),
    cuts=st.lists(st.integers(0, 200)),
)
def test_any_pieces(events: list[tuple[Event, str]], cuts: list[int]) -> None:
    stream = b"".join(event_message(event, data.encode()) + KEEP_ALIVE for event, data in events)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(places)]
    assert parsed(*chunks) == [ServerSentEvent(event.value, data.encode()) for event, data in events]


def test_an_event_that_does_not_end() -> None:
    parser = EventParser(limit=100)
    assert list(parser.feed(b"data: " + b"x" * 90 + b"\n\n"))
    assert not list(parser.feed(b"data: " + b"x" * 50 + b"\n"))
    with pytest.raises(EventTooLarge):
        list(parser.feed(b"data: " + b"x" * 50 + b"\n"))
    with pytest.raises(EventTooLarge):
        list(EventParser(limit=100).feed(b"x" * 101))


def test_an_event_of_empty_lines_that_does_not_end() -> None:
    parser = EventParser(limit=100)
    with pytest.raises(EventTooLarge):
        list(parser.feed(b"data\n" * 200))
