"""How long the store takes: `python -m tests.bench.store_speed`, beside another checkout with `--beside FOLDER`.

Both run in turns, each in a process of its own, on a SQLite file that holds a month's requests. `--encrypted` compares
this checkout with itself instead: with a key that encrypts the texts, and without.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).parent.parent.parent
CALLS = 400
TOGETHER = 32
Times = dict[str, float]
"""Microseconds a call, by what is called."""


def main(
    beside: Annotated[Path | None, typer.Option(help="Root of a checkout to compare with.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 5,
    rows: Annotated[int, typer.Option(help="Requests in the file beforehand.", min=0)] = 20_000,
    url: Annotated[str | None, typer.Option(help="A PostgreSQL database instead, of this checkout only.")] = None,
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Compare encrypted texts with plain ones.")] = False,
    once: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure keep, find, a turn of a conversation, and forget."""
    if once:
        sys.stdout.write(json.dumps(asyncio.run(measure(rows, url, encrypted))))
        return
    compared = [(ROOT, encrypted), *([(beside.resolve(), False)] if beside else [(ROOT, False)] if encrypted else [])]
    runs: dict[tuple[Path, bool], list[Times]] = {one: [] for one in compared}
    for _ in range(rounds):
        for one in compared:
            runs[one].append(_in_a_process(*one, rows, url))
    for name in runs[compared[0]][0]:
        medians = [statistics.median(run[name] for run in runs[one]) for one in compared]
        line = f"{name:32}" + "".join(f"{median:10.0f} µs" for median in medians)
        typer.echo(line + (f"   ×{medians[0] / medians[1]:.2f}" if len(medians) > 1 else ""))


def _in_a_process(root: Path, encrypted: bool, rows: int, url: str | None) -> Times:
    command = [sys.executable, str(Path(__file__)), "--once", "--rows", str(rows)] + (["--url", url] if url else [])
    command += ["--encrypted"] if encrypted else []
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)
    times: Times = json.loads(done.stdout)
    return times


async def measure(rows: int, url: str | None, encrypted: bool = False) -> Times:
    """Measure this checkout's store, through what every version of it has."""
    from bot.storage import RequestStore
    from bot.tasks.chat import ChatRequest, Exchange
    from bot.tasks.generate import GenerateRequest

    with tempfile.TemporaryDirectory() as folder:
        where: Any = {"url": url} if url else {}  # which earlier versions don't know
        if encrypted:
            from bot.storage_keys import new_key

            where["keys"] = [new_key()]
        async with RequestStore.open(Path(folder) / "requests.sqlite3", **where) as store:
            asked, said = GenerateRequest("Once upon a time " * 10), ChatRequest("Why? " * 20, 2**60, "alice")
            identities = [await store.keep(asked, person=7) for _ in range(rows or 1)]

            async def speak() -> None:
                async with store.conversations.turn(2**60) as turn:
                    exchange = Exchange("alice", "Why? " * 20, "Because. " * 40)
                    await store.conversations.keep(turn, 2**60, 7, exchange)

            async def together(call: Callable[[], Awaitable[object]]) -> None:
                await asyncio.gather(*(call() for _ in range(TOGETHER)))

            calls: dict[str, Callable[[], Awaitable[object]]] = {
                "keep": lambda: store.keep(asked, person=7),
                "keep, of a conversation": lambda: store.keep(said, person=7),
                "find": lambda: store.find(identities[-1]),
                "turn: read and keep": speak,
                "forget": lambda: store.conversations.forget(2**60),
                f"keep, {TOGETHER} at once": lambda: together(lambda: store.keep(asked, person=7)),
                f"find, {TOGETHER} at once": lambda: together(lambda: store.find(identities[-1])),
            }
            return {name: await _median(call) for name, call in calls.items()}


async def _median(call: Callable[[], Awaitable[object]]) -> float:
    for _ in range(CALLS // 10):
        await call()
    taken = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6


if __name__ == "__main__":
    typer.run(main)
