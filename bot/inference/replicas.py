"""Which operation stands for another one on another device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.inference.steps import Operation

AnyOperation = Operation[Any, Any]


def operations_of(head: object) -> dict[str, AnyOperation]:
    """A head's operations by name."""
    return {name: value for name, value in vars(head).items() if isinstance(value, Operation)}


class Replicas:
    """Each operation of a checkpoint's first head, and those of the same name of its replicas.

    Tasks know the first head only. What it tokenises can be computed by any replica.
    """

    def __init__(self) -> None:
        self._replicas: dict[AnyOperation, tuple[AnyOperation, ...]] = {}

    def __len__(self) -> int:
        return len(self._replicas)

    def add(self, heads: Sequence[object]) -> None:
        """Learn a checkpoint's heads, one for each device."""
        named = [operations_of(head) for head in heads]
        for name, operation in named[0].items():
            self._replicas[operation] = tuple(operations[name] for operations in named)

    def forget(self, operation: AnyOperation) -> None:
        """Forget an operation of a first head."""
        self._replicas.pop(operation, None)

    def on(self, operation: AnyOperation, place: int) -> AnyOperation | None:
        """The operation on the device with this number; None where it has none. Unknown ones are the first device's."""
        replicas = self._replicas.get(operation, (operation,))
        return replicas[place] if place < len(replicas) else None
