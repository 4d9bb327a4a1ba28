"""Rows that come and go as hypothesis likes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from hypothesis import strategies as st


class Texts(Protocol):
    """Rows, and beside them what each has read."""

    @property
    def read(self) -> Sequence[object]: ...

    def go_on(self, last: list[int], new: list[list[int]], /) -> None: ...

    def keep(self, slots: list[int]) -> None: ...


def come_and_go(
    texts: Texts, data: st.DataObject, tokens: st.SearchStrategy[int], new: st.SearchStrategy[list[list[int]]]
) -> Iterator[list[list[int]]]:
    """Up to twelve steps; yields who has come after each, before some leave."""
    for _ in range(data.draw(st.integers(1, 12))):
        coming = data.draw(new)
        if not texts.read and not coming:
            continue
        texts.go_on([data.draw(tokens) for _ in texts.read], coming)
        yield coming
        order = data.draw(st.permutations(range(len(texts.read))))
        texts.keep(list(order[: data.draw(st.integers(0, len(order)))]))
