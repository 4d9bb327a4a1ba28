"""How many bytes of weights the devices may hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.inference.compute.device import Device

SHARE_OF_A_GPU = 0.75
"""The rest is for activations and for the keys and values of texts that are being written."""
SHARE_OF_THE_MACHINE = 0.5
"""Main memory is also the system's, and everybody else's."""
_CONTROL_GROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""What a container may use, in versions 2 and 1 of control groups."""


@dataclass(frozen=True)
class Room:
    """The most bytes of weights, by the device's name. A device that is not named has no limit."""

    bytes: Mapping[str, int]

    @classmethod
    def on(cls, devices: Iterable[Device], limit: int | None = None) -> Room:
        """The room on some devices.

        Args:
            limit: bytes on each of them; None takes most of a GPU's memory, or half of the machine's.
        """
        names = {device.name for device in devices}
        return cls({name: _share(name) if limit is None else limit for name in names})

    @classmethod
    def unlimited(cls) -> Room:
        """Never evict anything."""
        return cls({})

    def of(self, name: str) -> int | None:
        """The most bytes on a device; None where there is no limit."""
        return self.bytes.get(name)

    def holds(self, used: Iterable[Counter[str]]) -> bool:
        """Whether checkpoints fit together.

        Args:
            used: for each checkpoint its bytes by the device's name.
        """
        total: Counter[str] = Counter()
        for one in used:
            total += one
        return all(taken <= self.bytes.get(name, taken) for name, taken in total.items())


def by_device(devices: Sequence[Device], sizes: Iterable[int]) -> Counter[str]:
    """Bytes by the device's name, of a checkpoint with a replica on each device. Replicas on the CPU share its memory.

    Args:
        sizes: of the replica on each device.
    """
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
    """Bytes that this process may use, in a container those of the container."""
    import psutil

    limits = [int(psutil.virtual_memory().total)]
    for path in _CONTROL_GROUP_LIMITS:
        try:
            limits.append(int(Path(path).read_text()))
        except (OSError, ValueError):  # no control groups of this version, or "max"
            continue
    return min(limits)
