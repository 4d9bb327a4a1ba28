"""The option `checkpoint` of the commands that a model answers."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from discord import app_commands

from bot.client import Glassbox, Interaction


class CheckpointOption(app_commands.Transformer[Glassbox]):
    """Takes what is typed as it is, and completes it to the checkpoints that may be chosen for a task here.

    Args:
        task: the task; None for the one that is named like the command.
    """

    def __init__(self, task: str | None = None) -> None:
        self._name = task

    async def transform(self, interaction: Interaction, value: Any, /) -> Any:
        return value

    async def autocomplete(self, interaction: Interaction, value: Any, /) -> list[app_commands.Choice[Any]]:
        return [*await interaction.client.delivery.checkpoints.completions(interaction, self._task(interaction), value)]

    def _task(self, interaction: Interaction) -> str:
        """Return the name of the task."""
        return self._name or (interaction.command.name if interaction.command is not None else "")


class CheckpointOfCommand(CheckpointOption):
    """The same for the task that another option, `command`, names."""

    def _task(self, interaction: Interaction) -> str:
        return interaction.namespace.command or "sentiment"


Checkpoint: TypeAlias = Annotated[str | None, CheckpointOption()]
"""The option of a command that is named like its task."""
