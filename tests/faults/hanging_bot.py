"""`python -m bot run` whose passes hang as soon as there is a file `HANG_WHEN`; beside it, a file then says so.

With `HANG_KIND=lock` such a pass then waits for a third file, and calls something in C that keeps Python's global lock.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path
from typing import Any

from bot.inference.checkpoints import loading, pool
from tests.sharding import bot_process

FOR_EVER = 1_000_000
HANGING, FREEZE = ".hanging", ".freeze"
"""What the names of the other files end with: the one that says so, and the one that is waited for."""


def main() -> None:
    """Run the bot's command line."""
    when, load_head = Path(os.environ["HANG_WHEN"]), loading.load_head

    def hang(*arguments: Any) -> None:
        if when.exists():
            when.with_suffix(HANGING).touch()
            if os.environ.get("HANG_KIND") != "lock":
                threading.Event().wait()
            while not when.with_suffix(FREEZE).exists():
                time.sleep(0.05)
            ctypes.PyDLL(None).sleep(FOR_EVER)

    def load(*arguments: Any, **options: Any) -> Any:
        head = load_head(*arguments, **options)
        head.model.register_forward_pre_hook(hang)
        return head

    vars(pool).update(load_head=load)
    bot_process.main()


if __name__ == "__main__":
    main()
