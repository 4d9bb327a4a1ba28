"""The notice that people read while a checkpoint is loaded."""

from __future__ import annotations

import math

from bot.inference.answering import Loading
from bot.replies.formatting.text import fit

NAME_LIMIT = 200
"""UTF-16 units of a checkpoint's name."""
FOLLOWS = "Your answer follows here by itself."


def loading_notice(loading: Loading) -> str:
    """Return a sentence about a checkpoint's progress."""
    name = fit(loading.checkpoint, NAME_LIMIT)[0]
    if loading.fetching:
        share = "" if loading.fraction is None else f": {math.floor(loading.fraction * 100)} %"
        return f"Downloading {name}{share}. {FOLLOWS}"
    left = loading.seconds_left
    return f"Loading {name}{'' if left is None else f': about {math.ceil(left)} s left'}. {FOLLOWS}"
