"""INFERENCE_URL and INFERENCE_KEY at the start of a bot."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.app import connect_backend, open_backend
from bot.errors import SettingsError
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.remote.startup import connection_line
from bot.settings import Settings
from bot.tasks.sentiment import SentimentRequest
from tests.inference.remote.scripted_server import ScriptedServer, sentiment
from tests.locales.pseudo import marked, unmarked


def settings_of(*servers: ScriptedServer, key: str | None = None, path: str = "") -> Settings:
    url = ",".join(f"{server.url}{path}" for server in servers)
    return Settings(_env_file=None, inference_url=url, inference_key=None if key is None else SecretStr(key))


async def test_what_the_operator_reads(server: ScriptedServer, second: ScriptedServer) -> None:
    async with connect_backend(settings_of(server, second)) as backend:
        line = connection_line(backend.endpoints, backend.status())
        assert line == f"Models: 1 checkpoint on cpu at 127.0.0.1:{server.port} and 127.0.0.1:{second.port}."
        assert await backend.run(SentimentRequest("hi"), person=1) == sentiment()

    await second.kill()
    async with connect_backend(settings_of(server, second)) as backend:
        assert connection_line(backend.endpoints, backend.status()) == (
            f"Models: 1 checkpoint on cpu at 127.0.0.1:{server.port}. 127.0.0.1:{second.port} cannot be reached yet. "
            "I ask again every few seconds."
        )

    await server.kill()
    async with connect_backend(settings_of(server)) as backend:
        assert connection_line(backend.endpoints, backend.status()) == (
            f"Models: 127.0.0.1:{server.port} cannot be reached yet. I ask again every few seconds."
        )


async def test_the_operator_reads_it_in_every_language(server: ScriptedServer, second: ScriptedServer) -> None:
    with marked():
        async with connect_backend(settings_of(server, second)) as backend:
            assert not unmarked(connection_line(backend.endpoints, backend.status()))
        await second.kill()
        async with connect_backend(settings_of(server, second)) as backend:
            assert not unmarked(connection_line(backend.endpoints, backend.status())).strip()


@pytest.mark.parametrize(
    ("key", "part"), [("wr0ng", "does not accept the INFERENCE_KEY"), (None, "asks for a key. Set INFERENCE_KEY")]
)
async def test_a_wrong_key(server: ScriptedServer, key: str | None, part: str) -> None:
    server.key = "k3y"
    with pytest.raises(SettingsError, match=part) as caught:
        async with connect_backend(settings_of(server, key=key)):
            pass
    assert "wr0ng" not in caught.value.sentence


async def test_the_right_key(server: ScriptedServer) -> None:
    server.key = "k3y"
    async with connect_backend(settings_of(server, key=" k3y\n")) as backend:
        assert backend.status().accepting


@pytest.mark.parametrize("status", [200, 301, 403, 404])
async def test_another_kind_of_server(server: ScriptedServer, second: ScriptedServer, status: int) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>It works!</html>", headers={"Location": "https://elsewhere"})

    second.status_part = page
    with pytest.raises(SettingsError, match="Address 2 in INFERENCE_URL leads to a server that is not") as told:
        async with connect_backend(settings_of(server, second)):
            pass
    assert "127.0.0.1" not in told.value.sentence


async def test_another_path(server: ScriptedServer) -> None:
    with pytest.raises(SettingsError, match="INFERENCE_URL leads to a server that is not"):
        async with connect_backend(settings_of(server, path="/elsewhere")):
            pass


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_proxy_whose_server_is_not_up_yet(server: ScriptedServer, status: int) -> None:
    async def unavailable(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>Bad Gateway</html>")

    server.status_part = unavailable
    async with connect_backend(settings_of(server)) as backend:
        assert not backend.status().accepting


async def test_a_machine_that_runs_models_without_the_packages(
    settings: Settings, course: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without_torch(name: str) -> Any:
        return None if name == "torch" else find(name)

    monkeypatch.setattr("importlib.util.find_spec", without_torch)
    with pytest.raises(SettingsError, match=r"pip install \"\.\[inference\]\"`, or set INFERENCE_URL"):
        async with open_backend(settings, course):
            pass
