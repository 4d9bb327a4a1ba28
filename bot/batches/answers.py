"""Answers as cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = str | int | float | list[Mapping[str, str | float]] | None
"""What a cell holds: JSON lines keep it as it is, tables as text."""
SEPARATOR = "; "


def as_text(value: Value) -> str:
    """Write a value as a cell of a table."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.4f}"
        case list():
            return SEPARATOR.join(f"{one['text']} ({one['label']})" for one in value)
        case _:
            return str(value)
