"""What people read while the model is not there yet."""

from __future__ import annotations

import math

from bot.inference.status import CheckpointState, Phase
from bot.replies.formatting.text import fit

NAME = 200
"""Units of a checkpoint's name."""
FOLLOWS = "Your answer follows here by itself."


def notice(state: CheckpointState) -> str | None:
    """How far a checkpoint is, or None where nobody has to wait for it."""
    if state.phase is Phase.READY:
        return None
    name = fit(state.spec.name, NAME)[0]
    if state.phase is Phase.FETCHING:
        share = "" if state.fraction is None else f": {math.floor(state.fraction * 100)} %"
        return f"Downloading {name}{share}. {FOLLOWS}"
    left = state.seconds_left
    return f"Loading {name}{'' if left is None else f': about {math.ceil(left)} s left'}. {FOLLOWS}"
