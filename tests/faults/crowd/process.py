"""`python -m bot run` as a process that measures itself, on whose device rows fail and passes take long.

Its environment says how: `SOAK_MONITOR` names the file of its measurements, and `SOAK_TROUBLE` holds a `RowTrouble` as
JSON.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bot import app
from bot.operating.watch import Watch
from tests.faults.crowd.monitor import Monitor
from tests.faults.crowd.rows_in_trouble import RowTrouble, rows_in_trouble
from tests.sharding import bot_process

MONITOR, TROUBLE = "SOAK_MONITOR", "SOAK_TROUBLE"


def main() -> None:
    """Run the bot's command line."""
    monitor = Monitor(Path(os.environ[MONITOR]))
    trouble = RowTrouble(**json.loads(os.environ[TROUBLE]))
    run, ended = app.run_bot, Watch.ended

    async def watched_run(*arguments: Any, **options: Any) -> None:
        async with monitor.watching():
            await run(*arguments, **options)

    def counted(watch: Watch, record: Any) -> None:
        monitor.ended[record.ending.outcome] += 1
        ended(watch, record)

    app.run_bot = watched_run
    Watch.ended = counted  # type: ignore[assignment, method-assign]
    with rows_in_trouble(trouble):
        bot_process.main()


if __name__ == "__main__":
    main()
