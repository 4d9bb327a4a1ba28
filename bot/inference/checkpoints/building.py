"""Building models, one at a time.

While transformers builds or loads a model, it replaces functions of its own and PyTorch's default data type, which all
threads share, and puts back what it found. Two threads at once put back each other's replacement: from then on weights
that layers share would never be tied again, and no such checkpoint could be loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BUILDING = threading.Lock()
"""Of the process, as what it guards."""


@contextmanager
def building() -> Iterator[None]:
    """Wait until no other thread builds a model; whoever comes meanwhile waits until the body is done."""
    with _BUILDING:
        yield
