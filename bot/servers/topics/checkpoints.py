"""The checkpoints that members may choose."""

from __future__ import annotations

from bot.servers.topics.topic import Topic


class CheckpointSettings(Topic):
    """Which checkpoints people may choose with the option `checkpoint` and compare with `/compare`.

    Attributes:
        allowed: their names; None for all that the operator offers. The one that a command usually uses may always be
            chosen. Names that the operator does not offer any more do nothing.
    """

    allowed: tuple[str, ...] | None = None
