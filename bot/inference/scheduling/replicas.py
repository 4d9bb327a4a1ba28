"""The operations of a checkpoint's replicas on several devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias
from weakref import WeakSet

from bot.inference.operations import Operation

AnyOperation: TypeAlias = Operation[Any, Any]


def operations_of(head: object) -> dict[str, AnyOperation]:
    """Return a head's operations by name."""
    return {name: value for name, value in vars(head).items() if isinstance(value, Operation)}


class Replicas:
    """Maps the operations of a checkpoint's first head, which tasks use, to those of its replicas."""

    def __init__(self) -> None:
        self._replicas: dict[AnyOperation, tuple[AnyOperation, ...]] = {}
        self._siblings: dict[AnyOperation, frozenset[AnyOperation]] = {}
        self._discarded: WeakSet[AnyOperation] = WeakSet()

    def __len__(self) -> int:
        return len(self._replicas)

    def add(self, heads: Sequence[object]) -> None:
        """Add the heads of a checkpoint, one for each device."""
        named = [operations_of(head) for head in heads]
        for name, operation in named[0].items():
            self._replicas[operation] = tuple(operations[name] for operations in named)
            self._siblings[operation] = frozenset(named[0].values())
            self._discarded.discard(operation)

    def forget(self, operation: AnyOperation) -> None:
        """Forget an operation of a first head."""
        self._replicas.pop(operation, None)
        self._siblings.pop(operation, None)

    def siblings(self, operation: AnyOperation) -> frozenset[AnyOperation]:
        """Return all operations of the first head that has this one; only itself if that head is unknown."""
        return self._siblings.get(operation, frozenset({operation}))

    def discard(self, operations: Iterable[AnyOperation]) -> None:
        """Never run these operations again: a thread may still hang in their checkpoint."""
        self._discarded.update(operations)

    def is_discarded(self, operation: AnyOperation) -> bool:
        """Return whether an operation must not be run again."""
        return operation in self._discarded

    def on(self, operation: AnyOperation, device_index: int) -> AnyOperation | None:
        """Return a device's replica of an operation; None if it has none. Unknown ones are the first device's."""
        replicas = self._replicas.get(operation, (operation,))
        return replicas[device_index] if device_index < len(replicas) else None
