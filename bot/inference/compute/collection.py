"""Which objects garbage collection looks at: not those that stay for good.

PyTorch, transformers and the checkpoints are hundreds of thousands of objects. To go through them takes a tenth of a
second on a quiet machine, and several on a busy one, in which no thread runs: neither the event loop nor a device's.
"""

from __future__ import annotations

import gc


def leave_out() -> None:
    """Have garbage collection skip what is there now, until `collect_everything`."""
    gc.collect()
    gc.freeze()


def collect_everything() -> None:
    """Free all garbage, also among what was left out: only garbage collection frees a checkpoint."""
    was_left_out = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if was_left_out:
        gc.freeze()
