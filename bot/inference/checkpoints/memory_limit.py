"""The limits on the bytes of weights that devices hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.inference.compute.device import Device

SHARE_OF_A_GPU = 0.75
"""The rest is for activations and KV caches."""
SHARE_OF_THE_MACHINE = 0.5
"""Main memory is shared with the system and its other processes."""
_CONTROL_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""A container's limit, in versions 2 and 1 of control groups."""


@dataclass(frozen=True)
class MemoryLimits:
    """The most bytes of weights, by device name. A device that isn't named has no limit."""

    bytes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def for_devices(cls, devices: Iterable[Device], limit: int | None = None) -> MemoryLimits:
        """Limit the weights on some devices.

        Args:
            limit: bytes on each of them; None takes most of a GPU's memory, or half of the machine's.
        """
        names = {device.name for device in devices}
        return cls({name: _share(name) if limit is None else limit for name in names})

    def of(self, name: str) -> int | None:
        """Return a device's limit; None if it has none."""
        return self.bytes.get(name)

    def allow(self, used: Iterable[Counter[str]]) -> bool:
        """Return whether checkpoints fit together, given each one's bytes by device name."""
        total: Counter[str] = sum(used, Counter())
        return all(taken <= self.bytes.get(name, taken) for name, taken in total.items())


def by_device(devices: Sequence[Device], sizes: Iterable[int]) -> Counter[str]:
    """Add up the bytes of a checkpoint's replicas by device name; replicas on the CPU share its memory."""
    total: Counter[str] = Counter()
    for device, size in zip(devices, sizes, strict=True):
        total[device.name] += size
    return total


def _share(name: str) -> int:
    if name.startswith("cuda"):
        import torch

        return int(SHARE_OF_A_GPU * torch.cuda.mem_get_info(name)[1])
    return int(SHARE_OF_THE_MACHINE * _machine_memory())


def _machine_memory() -> int:
    """Return the bytes that this process may use: the machine's, or its container's."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for path in _CONTROL_GROUP_LIMITS:
        try:
            limits.append(int(Path(path).read_text()))
        except (OSError, ValueError):  # no control groups of this version, or "max"
            continue
    return min(limits)
