"""llama.cpp's server, started on the checkpoint's own weights, and asked by as many people as the worker."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bot.errors import SettingsError
from bot.inference.heads.head import Head
from tests.bench.engines.exported import cores
from tests.bench.engines.gguf_file import NotConvertible, write_gguf
from tests.bench.server import FAILURES, ServerBeside

PROGRAM = "llama-server"
CONTEXT = 1_024
"""Tokens for each person: the longest message and its answer have fewer than half as many."""
LOADING, ENDING = 300.0, 20.0
"""Seconds that it may take to load the file, and to end."""
PAUSE = 0.2
"""Seconds between two looks whether it has loaded the file."""


class LlamaUnusable(Exception):
    """llama.cpp cannot run a checkpoint: the message says what stands in the way."""


@dataclass(frozen=True)
class LlamaServer:
    """A server that runs.

    Attributes:
        about: what it computes, in words.
    """

    contender: ServerBeside
    about: str

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, head: Head, users: int, probes: Sequence[Any]) -> AsyncIterator[LlamaServer]:
        """Run a server on a checkpoint's weights, with a slot for each user; the caller closes the contender.

        Args:
            head: a plain one, in the precision in which the server shall compute.
            probes: requests to try it with.

        Raises:
            LlamaUnusable: it cannot run this checkpoint.
        """
        with TemporaryDirectory(prefix="glassbox-llama-") as folder:
            file = Path(folder) / "model.gguf"
            try:
                await asyncio.to_thread(write_gguf, head, file, head.precision)
            except NotConvertible as error:
                raise LlamaUnusable(str(error)) from None
            async with _serving(file, users) as address:
                try:
                    contender = await ServerBeside.open(address, users, min(probes, key=lambda one: len(one.prompt)))
                    misread = await _misread(address, head, probes)
                except (SettingsError, *FAILURES):
                    raise LlamaUnusable("no answer") from None
                yield cls(
                    contender,
                    f"{head.precision}, {users} slots, {cores()} threads; "
                    f"it reads {misread} of {len(probes)} prompts as other tokens",
                )


def is_found() -> bool:
    """Return whether the program is there."""
    return _program() is not None


def _program() -> str | None:
    beside_python = str(Path(sys.executable).parent)  # where pip installs programs
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=beside_python)


@contextlib.asynccontextmanager
async def _serving(file: Path, users: int) -> AsyncIterator[str]:
    program, port = _program(), _free_port()
    if program is None:
        raise LlamaUnusable("the program is missing")
    sizes = {"-np": users, "-c": users * CONTEXT, "-t": cores(), "-tb": cores()}
    options = [str(part) for pair in sizes.items() for part in pair]
    process = await asyncio.create_subprocess_exec(
        *(program, "-m", str(file), "--host", "127.0.0.1", "--port", str(port), *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        await _loaded(process, address)
        yield address
    finally:
        await _ended(process)


async def _loaded(process: asyncio.subprocess.Process, address: str) -> None:
    try:
        async with asyncio.timeout(LOADING), aiohttp.ClientSession() as session:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"{address}/health") as response:
                        if response.ok:
                            return
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise LlamaUnusable(f"not loaded after {LOADING:.0f} seconds") from None
    raise LlamaUnusable("it ended at once")


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), ENDING)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _misread(address: str, head: Head, probes: Sequence[Any]) -> int:
    """Return how many prompts the server reads as other tokens than the checkpoint's tokenizer does."""
    misread = 0
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for probe in probes:
            async with session.post(f"{address}/tokenize", json={"content": probe.prompt}) as response:
                misread += (await response.json())["tokens"] != head.tokenizer([probe.prompt])["input_ids"][0]
    return misread


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port
