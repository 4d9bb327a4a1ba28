"""Events of the gateway that discord.py cannot read."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias

Parse: TypeAlias = Callable[[Any], None]


def drop_unreadable(parsers: MutableMapping[str, Parse], dropped: Callable[[str, Exception], None]) -> None:
    """Have events be dropped that cannot be read. Otherwise the first one would end the client.

    Args:
        parsers: discord.py's, by event.
        dropped: called with an event's name and the error.
    """
    for event, parse in list(parsers.items()):
        parsers[event] = _forgiving(event, parse, dropped)


def _forgiving(event: str, parse: Parse, dropped: Callable[[str, Exception], None]) -> Parse:
    def try_to_parse(data: Any) -> None:
        try:
            parse(data)
        except Exception as error:
            dropped(event, error)

    return try_to_parse
