"""Several checkpoints in one option, with commas between their names."""

from __future__ import annotations

from collections.abc import Sequence

from discord import app_commands

from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.formatting.text import fit, units, visible
from bot.text.characters import identity

SEPARATOR = ", "
SHORTEST = 6
"""Characters that an abbreviated name has at least."""
LEFT_OUT = "…"


def split(typed: str) -> list[str]:
    """Return the names in a typed text."""
    return [part.strip() for part in typed.split(",") if part.strip()]


def completed(typed: str, names: Sequence[str], most: int) -> list[app_commands.Choice[str]]:
    """Return the completions of a list: what was typed, with one more name, or with the last one completed.

    Args:
        names: those that there are.
        most: how many the list may have.
    """
    *done, last = typed.split(",")
    chosen = [name for part in done if (name := _meant(part, names)) is not None]
    if (whole := _meant(last, names)) is not None and last.strip():
        chosen, last = [*chosen, whole], ""
    more = [name for name in names if name not in chosen and identity(last.strip()) in identity(name)]
    lists = [chosen] if chosen and not last.strip() else []
    if len(chosen) < most:
        lists += [[*chosen, name] for name in more]
    values = dict.fromkeys(_joined(one, names) for one in lists)
    return [app_commands.Choice(name=value, value=value) for value in values if value][:MOST_CHOICES]


def _meant(part: str, names: Sequence[str]) -> str | None:
    wanted = identity(part.strip().rstrip(LEFT_OUT))
    found = [name for name in names if identity(name) == wanted] or [
        name for name in names if wanted and identity(name).startswith(wanted) and LEFT_OUT in part
    ]
    return found[0] if len(found) == 1 else None


def _joined(chosen: Sequence[str], names: Sequence[str]) -> str:
    """Join names within Discord's limit, abbreviated if necessary so that each still means one of them."""
    whole = SEPARATOR.join(chosen)
    if units(whole) > LONGEST_NAME:
        whole = SEPARATOR.join(_short(name, names) for name in chosen)
    return fit(whole, LONGEST_NAME, visible)[0]


def _short(name: str, names: Sequence[str]) -> str:
    others = [identity(other) for other in names if other != name]
    for length in range(SHORTEST, len(name)):
        start = name[:length].rstrip(" (.-")
        if not any(identity(start) in other for other in others):
            return f"{start}{LEFT_OUT}"
    return name
