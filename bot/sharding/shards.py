"""Which of the bot's shards this process serves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.errors import SettingsError
from bot.locales.message import later
from bot.settings import Settings

LAST_NUMBER = re.compile(r"(?:^|[^0-9])(?P<number>[0-9]{1,6})$")
"""At the end of a host name: the pods of a StatefulSet are called `glassbox-0`, `glassbox-1`."""


@dataclass(frozen=True)
class Shards:
    """Shards of the bot, in ascending order.

    Attributes:
        count: of all processes together; None for Discord's recommendation.
        ids: those of this process; None for all.
    """

    count: int | None = None
    ids: tuple[int, ...] | None = None

    @property
    def are_some(self) -> bool:
        """Whether other processes serve the rest."""
        return self.ids is not None and len(self.ids) != self.count


def chosen_shards(settings: Settings, host_name: str) -> Shards:
    """Return the shards that the settings give to this process.

    Args:
        host_name: of this machine; its last number is the process's if PROCESS_INDEX is not set.

    Raises:
        SettingsError: settings contradict each other, or one is missing.
    """
    if settings.processes is not None:
        return _shards_of_a_part(settings, settings.processes, host_name)
    if settings.process_index is not None:
        raise SettingsError(later("PROCESS_INDEX needs PROCESSES, the number of bot processes. Set both, or neither."))
    if settings.shard_ids is None:
        return Shards(settings.shard_count)
    return Shards(*_checked(settings, settings.shard_ids))


def _checked(settings: Settings, ids: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    if settings.shard_count is None:
        # Each process would ask Discord at another time, and might be told another number.
        raise SettingsError(
            later("SHARD_IDS needs SHARD_COUNT, the number of shards of all processes together. Set both.")
        )
    if ids[-1] >= settings.shard_count:
        raise SettingsError(
            later(
                "SHARD_IDS names a shard that does not exist: the last one is SHARD_COUNT - 1. Change one of the two."
            )
        )
    return settings.shard_count, ids


def _shards_of_a_part(settings: Settings, processes: int, host_name: str) -> Shards:
    """Divide the shards among the processes: equal parts of neighbours, the first ones one larger if need be."""
    if settings.shard_ids is not None:
        raise SettingsError(
            later("SHARD_IDS and PROCESSES both say which shards this process serves. Set only one of them.")
        )
    if settings.shard_count is None:
        raise SettingsError(
            later("PROCESSES needs SHARD_COUNT, the number of shards of all processes together. Set both.")
        )
    if settings.shard_count < processes:
        raise SettingsError(
            later("SHARD_COUNT is less than PROCESSES: a process would have no shard. Change one of the two.")
        )
    index = _index(settings.process_index, processes, host_name)
    whole, left = divmod(settings.shard_count, processes)
    first = index * whole + min(index, left)
    return Shards(settings.shard_count, tuple(range(first, first + whole + (index < left))))


def _index(chosen: int | None, processes: int, host_name: str) -> int:
    """Return the number of this process among all, from 0."""
    found = LAST_NUMBER.search(host_name.split(".")[0])
    if chosen is None and found is None:
        raise SettingsError(
            later(
                "PROCESSES needs PROCESS_INDEX, this process's number from 0, unless the host's name ends with it "
                "(glassbox-0). Set PROCESS_INDEX."
            )
        )
    index = chosen if found is None or chosen is not None else int(found["number"])
    assert index is not None
    if index >= processes:
        raise SettingsError(
            later(
                "This process's number (PROCESS_INDEX, or the end of the host's name) must be less than PROCESSES, "
                "because the first is 0. Change one of the two."
            )
        )
    return index
