"""A message of a channel, as far as a picture of the channel needs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChannelMessage:
    """What somebody has written.

    Attributes:
        when: seconds since 1970.
        writer: tells the people of one reading apart, from 0; it is nobody's id, and is in no answer.
    """

    id: int
    when: float
    text: str
    writer: int
