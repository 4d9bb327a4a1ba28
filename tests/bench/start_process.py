"""`python -m bot run`, connected to the small Discord of the tests, that notes when its parts began and ended.

It is run as a script. It imports nothing that the bot does not import, and nothing earlier: what it changes is changed
when the bot has imported it. `DISCORD_ADDRESS` is Discord's address. Spans go to the file `START_SPANS`, if
that is set, one a line as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

IMPORTS = ("bot.app", "discord", "sqlalchemy", "alembic.runtime.migration", "numpy", "torch", "transformers")
"""Modules whose imports are spans. One that is imported inside another is a part of it."""
CALLS: Mapping[str, tuple[str, ...]] = {
    "transformers.modeling_utils": ("PreTrainedModel.from_pretrained",),
    "transformers.models.auto.tokenization_auto": ("AutoTokenizer.from_pretrained",),
    "bot.inference.checkpoints.loading": ("load_head",),
    "bot.inference.compute.packed_linear": ("pack",),
    "bot.inference.compute.fused_linear": ("fuse",),
    "bot.inference.heads.invariance.batch_invariance": ("_found",),
    "bot.inference.heads.scoring": ("score",),
    "bot.storage.database": ("Database.upgrade",),
}
"""Functions whose calls are spans, by their module."""


class Spans:
    """Writes spans to a file.

    Args:
        path: None for nowhere.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._lock = threading.Lock()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Note when the body begins and ends, in seconds of `time.perf_counter`, and how long the thread computes."""
        began, used = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            ended = {"began": began, "ended": time.perf_counter(), "used": time.thread_time() - used}
            self._write({"name": name, "thread": threading.current_thread().name, **ended})

    def _write(self, line: Mapping[str, object]) -> None:
        if self._path is not None:
            with self._lock, Path(self._path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def around(self, owner: Any, name: str) -> None:
        """Have each call of a function be a span."""
        found = vars(owner)[name]
        function = getattr(found, "__func__", found)

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with self.span(name):
                return function(*arguments, **options)

        setattr(owner, name, classmethod(call) if isinstance(found, classmethod) else call)


class AfterImport(MetaPathFinder):
    """Changes modules when they have been imported, and notes how long that took.

    Args:
        changes: by the module's name.
        timed: names of the modules whose imports are spans.
    """

    def __init__(self, spans: Spans, changes: Mapping[str, Callable[[ModuleType], None]], timed: Sequence[str]) -> None:
        self._spans = spans
        self._changes = changes
        self._timed = timed

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._changes and name not in self._timed:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._change(spec.loader, name)
        return spec

    def _change(self, loader: Loader, name: str) -> None:
        execute, change = loader.exec_module, self._changes.get(name)

        def executed(module: ModuleType) -> None:
            if name in self._timed:
                with self._spans.span(f"import {name}"):
                    execute(module)
            else:
                execute(module)
            if change is not None:
                change(module)

        vars(loader)["exec_module"] = executed


def main() -> None:
    """Run the bot's command line."""
    spans = Spans(os.environ.get("START_SPANS"))
    changes: dict[str, Callable[[ModuleType], None]] = {
        "discord.http": _direct_http,
        "discord.gateway": _direct_gateway,
    }
    timed: tuple[str, ...] = ()
    if "START_SPANS" in os.environ:
        timed = IMPORTS
        changes |= {module: partial(_time, spans, names) for module, names in CALLS.items()}
    sys.meta_path.insert(0, AfterImport(spans, changes, timed))
    from bot.__main__ import main as bot_main

    bot_main()


def _direct_http(module: Any) -> None:
    module.Route.BASE = f"http://{os.environ['DISCORD_ADDRESS']}/api"


def _direct_gateway(module: Any) -> None:
    import yarl

    address = yarl.URL(f"ws://{os.environ['DISCORD_ADDRESS']}/gateway")
    module.DiscordWebSocket.DEFAULT_GATEWAY = address


def _time(spans: Spans, names: Sequence[str], module: ModuleType) -> None:
    for name in names:
        *owners, last = name.split(".")
        owner: Any = module
        for one in owners:
            owner = getattr(owner, one)
        spans.around(owner, last)


if __name__ == "__main__":
    main()
