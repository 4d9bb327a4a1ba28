"""What a checkpoint can do, as far as its configuration tells before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.loading import head_kind
from bot.inference.task import Abilities

UNNAMED = {"0": "LABEL_0", "1": "LABEL_1"}
"""transformers' names of the two classes of a configuration that names none."""


def abilities_of(architecture: str | None, labels: tuple[str, ...] | None = None) -> Abilities | None:
    """Return what an architecture can do; None if there is none, or no head for it."""
    try:
        return None if architecture is None else Abilities(head_kind(architecture), architecture, labels)
    except ModelUnavailable:
        return None


def read_abilities(folder: Path) -> Abilities | None:
    """Read what the checkpoint in a folder can do; None if its `config.json` does not tell."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        [architecture, *_] = config["architectures"]
        labels = tuple(map(str, (config.get("id2label") or UNNAMED).values()))
    except (OSError, ValueError, AttributeError, TypeError, LookupError):
        return None
    return abilities_of(str(architecture), labels)
