"""Which operation stands for another one on another device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakSet

from bot.inference.operations import Operation

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
        self._siblings: dict[AnyOperation, frozenset[AnyOperation]] = {}
        self._written_off: WeakSet[AnyOperation] = WeakSet()

    def __len__(self) -> int:
        return len(self._replicas)

    def add(self, heads: Sequence[object]) -> None:
        """Learn a checkpoint's heads, one for each device."""
        named = [operations_of(head) for head in heads]
        for name, operation in named[0].items():
            self._replicas[operation] = tuple(operations[name] for operations in named)
            self._siblings[operation] = frozenset(named[0].values())
            self._written_off.discard(operation)

    def forget(self, operation: AnyOperation) -> None:
        """Forget an operation of a first head."""
        self._replicas.pop(operation, None)
        self._siblings.pop(operation, None)

    def siblings(self, operation: AnyOperation) -> frozenset[AnyOperation]:
        """All operations of the first head that has this one; unknown ones are by themselves."""
        return self._siblings.get(operation, frozenset({operation}))

    def write_off(self, operations: Iterable[AnyOperation]) -> None:
        """Remember that operations are not to be run any more."""
        for operation in operations:
            self._written_off.add(operation)

    def is_written_off(self, operation: AnyOperation) -> bool:
        """Whether an operation is not to be run any more: a thread may still hang in its checkpoint."""
        return operation in self._written_off

    def on(self, operation: AnyOperation, place: int) -> AnyOperation | None:
        """The operation on the device with this number; None where it has none. Unknown ones are the first device's."""
        replicas = self._replicas.get(operation, (operation,))
        return replicas[place] if place < len(replicas) else None
