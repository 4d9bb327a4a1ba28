"""`LOG_LEVEL=DEBUG python -m bot run`, in a process of its own that talks with a Discord on this machine over sockets.

Everything that a person can send is marked, and so is every token. The process goes through failures of every kind,
asyncio's debug mode is on, and its whole log is searched for the marks.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bot.settings import Settings
from tests.discord_server import USER, DiscordServer
from tests.support import COURSE

ROOT = Path(__file__).parents[1]
MARK = "swordfish"
TOKEN = f"{MARK}.bots.token"
KEY = base64.urlsafe_b64encode(MARK.encode().ljust(32, b"-")).decode()
SECRETS = {
    "DISCORD_TOKEN": TOKEN, "INFERENCE_KEY": f"{MARK}-inference", "STORAGE_KEYS": KEY, "HF_TOKEN": f"hf_{MARK}",
    "HTTP_PROXY": f"http://user:{MARK}@127.0.0.1:9", "PIP_INDEX_URL": f"http://user:{MARK}@127.0.0.1:9/simple",
}  # fmt: skip

CHILD = """
import asyncio, logging, sys, threading, time, warnings
import discord.gateway, discord.http, yarl
from bot.__main__ import main
from bot.client import Glassbox

discord.http.Route.BASE = sys.argv.pop(1)
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv.pop(1))

class Broken:
    def __init__(self, text): self.text = text
    def __del__(self): raise RuntimeError(self.text)

def fail(text): raise RuntimeError(text)

async def fail_later(text): raise RuntimeError(text)

async def everything_fails(interaction):
    # What is said below has the interaction's data and token in it; those who log it are libraries.
    said = f"{interaction.data} {interaction.token} {interaction.user.name}"
    loop, library = asyncio.get_running_loop(), logging.getLogger("library.part")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        library.log(level, "%s", said)
        library.log(level, f"composed: {said}")
        library.log(level, said, exc_info=RuntimeError(said), stack_info=True)
    library.setLevel(logging.DEBUG)
    library.debug("%r of %d", {"text": said}, 3)
    handler = logging.StreamHandler()  # of its own, as transformers has
    library.addHandler(handler)
    library.warning("%s", said)
    library.removeHandler(handler)
    asyncio.create_task(fail_later(said))
    loop.call_soon(fail, said)
    loop.call_soon(lambda text: time.sleep(0.2), said)  # slow
    loop.create_task(asyncio.sleep(3600), name=said)  # pending at the end
    threading.Thread(target=fail, args=(said,), name=said).start()
    Broken(said)
    warnings.warn(said)
    raise RuntimeError(said)

prepare = Glassbox.setup_hook

async def setup_hook(bot):
    await prepare(bot)
    bot.add_listener(everything_fails, "on_interaction")

Glassbox.setup_hook = setup_hook
main()
"""


@dataclass
class HardDiscord(DiscordServer):
    """Refuses requests a few times before it takes them, and marks whatever people send.

    Attributes:
        refusals: kind of request → the statuses that are answered first, in order.
    """

    token: str = TOKEN
    refusals: dict[str, list[int]] = field(default_factory=dict)

    async def _interact(self, kind: int, **content: Any) -> str:
        person = {**USER, "username": f"{MARK}-name", "global_name": f"{MARK} Name"}
        channel = {"id": "4000", "type": 1, "recipients": [person], "last_message_id": None, "name": f"{MARK}-channel"}
        return await super()._interact(kind, user=person, channel=channel, **content)

    def _refusal(self, kind: str) -> web.Response | None:
        if not self.refusals.get(kind):
            return None
        status = self.refusals[kind].pop(0)
        content = web.json_response({"message": f"{MARK} refused", "retry_after": 0.01, "global": False, "code": 0})
        content.set_status(status)
        content.headers["Via"] = "1.1"
        content.headers["Content-Type"] = "application/json"
        return content

    async def _put_commands(self, request: web.Request) -> web.Response:
        return self._refusal("commands") or await super()._put_commands(request)

    async def _edit(self, request: web.Request) -> web.Response:
        return self._refusal("message") or await super()._edit(request)

    async def _callback(self, request: web.Request) -> web.Response:
        return self._refusal("callback") or await super()._callback(request)

    def urls(self) -> tuple[str, str]:
        """Of the API and the gateway."""
        return f"http://{self._url}/api", f"ws://{self._url}/gateway"


@asynccontextmanager
async def running(
    server: HardDiscord, checkpoints: Mapping[str, Path], cache: Path, log: Path, style: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment |= {f"{task.upper()}_CHECKPOINT": str(checkpoints[name]) for task, name in COURSE.items()}
    environment |= {
        "PYTHONPATH": str(ROOT), "CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1", "DEVICES": "cpu",
        "LOG_LEVEL": "DEBUG", "LOG_FORMAT": style, "PYTHONASYNCIODEBUG": "1", "METRICS_ADDRESS": "127.0.0.1:0",
    } | SECRETS  # fmt: skip
    with log.open("wb") as file:
        command = (sys.executable, "-X", "dev", "-c", CHILD, *server.urls(), "run")
        process = await asyncio.create_subprocess_exec(*command, cwd=cache, env=environment, stdout=file, stderr=file)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def told_to_operators(log: str) -> str:
    """What `/healthz`, `/readyz` and `/metrics` say."""
    [address] = re.findall(r"metrics and health are at (http://127\.0\.0\.1:\d+)", log)
    said = ""
    async with ClientSession() as session:
        for path in ("healthz", "readyz", "metrics"):
            async with session.get(f"{address}/{path}") as response:
                said += await response.text()
    assert "glassbox_build_info" in said
    return said


@pytest.mark.may_block
@pytest.mark.measured_elsewhere
@pytest.mark.parametrize("style", ["text", "json"])
async def test_no_text_and_no_secret_at_any_level(checkpoints: Mapping[str, Path], tmp_path: Path, style: str) -> None:
    log = tmp_path / "log"
    refusals = {"commands": [429], "message": [429, 500], "callback": [429]}
    async with HardDiscord(refusals=refusals).serving() as opened:
        assert isinstance(opened, HardDiscord)
        server = opened
        async with running(server, checkpoints, tmp_path, log, style) as process:
            tokens = []
            await server.connected()
            for command, options in {
                "sentiment": {"text": f"{MARK} I love it"},
                "zeroshot": {"text": f"{MARK} films", "labels": f"{MARK}a, {MARK}b"},
                "translate": {"text": f"{MARK} apples", "to": f"{MARK}ish"},
                "fill": {"text": f"{MARK} without a mask"},
                "chat": {"message": f"{MARK} hello"},
                f"{MARK}-unknown": {"text": MARK},
            }.items():
                tokens.append(await server.invoke(command, **options))
            for token in tokens[:2]:
                await server.until("PATCH", f"/{token}/messages/@original", lambda edit: edit.get("embeds"))
            path = f"/{tokens[4]}/messages/@original"
            shown = await server.until("PATCH", path, lambda edit: "chat-forget" in str(edit))
            tokens.append(await server.press("Show the work", shown))
            await server.until("PATCH", f"/{tokens[-1]}/messages/@original", lambda edit: edit.get("embeds"))
            said = await told_to_operators(log.read_text())
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0, log.read_text()
    text = log.read_text()
    for secret in (MARK, KEY, *tokens):
        assert re.search(rf"\b{re.escape(secret)}", text + said) is None, secret
    if style == "json":
        # Others are of a handler of a library's own.
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        assert {"DEBUG", "ERROR"} <= {line["level"] for line in lines}
        return
    for line in (
        " DEBUG bot.inference.scheduling.scheduler: ",  # our own, at that level
        " WARNING discord.http: We are being rate limited. … … responded with 429. Retrying in 0.01 seconds.",
        " WARNING discord.webhook.async_: Webhook ID 1000 is rate limited. Retrying in 0.01 seconds.",
        " INFO discord.gateway: Shard ID 0 has connected to Gateway (Session ID: …).",
        " ERROR bot.client: on_interaction failed: RuntimeError at ",
        " ERROR library.part: composed: … (",
        " ERROR asyncio: Task exception was never retrieved… (",
        " ERROR asyncio: Exception in callback … (",
        " WARNING asyncio: Executing … took ",
        " ERROR bot.logs: a thread has ended with an error: RuntimeError at ",
        " ERROR bot.logs: an error that could not be raised: RuntimeError at ",
        " WARNING bot.logs: a library warns: UserWarning at ",
        " INFO bot.operating.interaction_log: /fill was not answered: InvalidRequest [",
    ):
        assert line in text, f"{line}\n{text}"
    assert MARK not in text + said
    assert " DEBUG discord" not in text
    assert " DEBUG library" not in text


@pytest.mark.parametrize("command", [["run"], ["--help"], ["serve", "--help"], ["run", "--help"]])
async def test_a_start_that_fails_shows_no_secret(tmp_path: Path, command: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment |= SECRETS | {
        "PYTHONPATH": str(ROOT), "CACHE_DIR": str(tmp_path), "LOG_LEVEL": "DEBUG", "METRICS_ADDRESS": "off",
        "INFERENCE_URL": f"http://127.0.0.1:9/{MARK}", "DATABASE_URL": f"postgresql://user:{MARK}@127.0.0.1:9/{MARK}",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-m", "bot", *command,
        cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == (0 if "--help" in command else 2)
    assert said
    assert MARK not in said.decode()
    assert KEY not in said.decode()
