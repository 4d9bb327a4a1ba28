"""Freeing a checkpoint without looking for garbage, which stops every thread."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from bot.inference.compute.collection import collect_everything
from bot.inference.compute.memory import free_cache

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


def free(heads: list[Head]) -> None:
    """Free heads that nobody uses any more, on the calling thread.

    Args:
        heads: the last references to them; empty afterwards.
    """
    traces = [weakref.ref(head.model) for head in heads]
    while heads:
        heads.pop().let_go()
    # Something else of it may refer to itself, in an architecture that no test knows.
    if any(trace() is not None for trace in traces):
        collect_everything()
    free_cache()
