"""The breaker in front of Discord: discord.py's own HTTP client, over real sockets, with injected time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
from aiohttp import web
from discord.http import HTTPClient, Route

from bot.errors import DiscordAvoided
from bot.operating import calls
from bot.operating.calls import Calls, pause_for_at_most
from bot.operating.invalid_requests import MOST, MOST_ANSWERING, MOST_OF_A_PLACE, WINDOW_SECONDS, InvalidRequests
from tests.timers import PATIENCE

BANNED = 10_000
"""Invalid requests in ten minutes for which Discord shuts an address out."""


class Discord:
    """A Discord that answers everything but the login with one status.

    Attributes:
        status, headers, body: of its responses.
        seen: how many requests have arrived, by their path.
        silent: whether it never answers.
    """

    def __init__(self) -> None:
        self.status, self.body = 403, b'{"code": 50013, "message": "Missing Permissions"}'
        self.headers: dict[str, str] = {}
        self.seen: Counter[str] = Counter()
        self.silent = False

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/api/users/@me":
            return web.Response(body=b'{"id": "1"}', content_type="application/json")
        self.seen[request.path] += 1
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(status=self.status, body=self.body, headers=self.headers, content_type="application/json")


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Discord:
    return Discord()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> InvalidRequests:
    return InvalidRequests(time)


@pytest.fixture
async def client(
    server: Discord, breaker: InvalidRequests, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HTTPClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(Route, "BASE", f"http://127.0.0.1:{runner.addresses[0][1]}/api")
    config = aiohttp.TraceConfig()
    Calls(config, breaker)
    client = HTTPClient(
        asyncio.get_running_loop(), aiohttp.TCPConnector(limit=20), http_trace=config, max_ratelimit_timeout=30
    )
    try:
        await client.static_login("a.token")
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def send(channel: int) -> Route:
    return Route("POST", "/channels/{channel_id}/messages", channel_id=channel)


def react(channel: int, message: int) -> Route:
    path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"
    return Route("PUT", path, channel_id=channel, message_id=message, emoji="\N{THUMBS UP SIGN}")


def respond(number: int) -> Route:
    return Route("POST", "/interactions/{id}/{token}/callback", id=number, token=f"token{number}")


async def outcomes(client: HTTPClient, *routes: Route) -> Counter[type[Exception] | None]:
    """What becomes of calls, fifty at a time."""

    async def one(route: Route) -> type[Exception] | None:
        try:
            await client.request(route)
        except Exception as error:
            return type(error)
        return None

    found: Counter[type[Exception] | None] = Counter()
    for begin in range(0, len(routes), 50):
        found.update(await asyncio.gather(*map(one, routes[begin : begin + 50])))
    return found


async def test_tens_of_thousands_of_refusals_never_come_near_the_ban(
    client: HTTPClient, server: Discord, breaker: InvalidRequests, time: Time
) -> None:
    asked = [send(channel) for channel in range(3_000) for _ in range(10)]

    found = await outcomes(client, *asked)

    assert found[discord.Forbidden] == server.seen.total()
    assert MOST <= server.seen.total() <= MOST + 50  # those that were under way together
    assert found.total() == len(asked)
    assert found[DiscordAvoided] == len(asked) - server.seen.total()
    assert breaker.refusals().invalid == server.seen.total()
    assert breaker.refusals().seconds == WINDOW_SECONDS

    server.status, server.body = 200, b"{}"
    assert await outcomes(client, respond(1)) == {None: 1}  # people are still answered
    assert await outcomes(client, send(9_999)) == {DiscordAvoided: 1}
    time.now = WINDOW_SECONDS + 1
    assert breaker.refusals().seconds == breaker.refusals().invalid == 0
    assert await outcomes(client, send(9_999), send(1)) == {None: 2}  # by itself


async def test_answers_to_interactions_stop_as_well_before_the_ban(
    client: HTTPClient, server: Discord, breaker: InvalidRequests
) -> None:
    server.status, server.body = 401, b'{"code": 50027, "message": "Invalid Webhook Token"}'

    found = await outcomes(client, *map(respond, range(12_000)))

    assert MOST_ANSWERING <= server.seen.total() <= MOST_ANSWERING + 50 < BANNED
    assert found[DiscordAvoided] == 12_000 - server.seen.total()


async def test_a_missing_permission_uses_up_nothing_but_its_own_share(
    client: HTTPClient, server: Discord, breaker: InvalidRequests, time: Time
) -> None:
    for message in range(200):
        await outcomes(client, react(4000, message))

    assert server.seen.total() == MOST_OF_A_PLACE
    assert breaker.refusals().places == 1
    server.status, server.body = 200, b"{}"
    assert await outcomes(client, send(4000), react(4001, 1)) == {None: 2}  # another call, and another channel
    assert await outcomes(client, react(4000, 1)) == {DiscordAvoided: 1}
    time.now = WINDOW_SECONDS
    assert await outcomes(client, react(4000, 1)) == {None: 1}


@pytest.mark.parametrize(
    ("status", "scope", "counted"),
    [(429, "user", 1), (429, "global", 1), (429, None, 1), (429, "shared", 0), (404, None, 0), (400, None, 0)],
)
async def test_what_discord_counts(
    client: HTTPClient, server: Discord, breaker: InvalidRequests, status: int, scope: str | None, counted: int
) -> None:
    server.status, server.headers = status, {} if scope is None else {"X-RateLimit-Scope": scope}
    await outcomes(client, send(4000))
    assert breaker.refusals().invalid == counted


async def test_downloads_and_the_gateway_are_none_of_it(breaker: InvalidRequests) -> None:
    for path in ("/attachments/4000/5000/a.txt", "/gateway", "/"):
        breaker.note("GET", path, 403)
        breaker.check("GET", path)
    assert breaker.refusals().invalid == 0


async def test_the_sentences_say_what_to_do(breaker: InvalidRequests, time: Time) -> None:
    for _ in range(MOST_OF_A_PLACE):
        breaker.note("POST", "/api/v10/channels/4000/messages", 403)
    with pytest.raises(DiscordAvoided, match="Somebody who manages this server"):
        breaker.check("POST", "/api/v10/channels/4000/messages")
    for channel in range(MOST):
        breaker.note("POST", f"/api/v10/channels/{channel}/typing", 403)
    time.now = 300
    with pytest.raises(DiscordAvoided, match="again in 5 minutes"):
        breaker.check("GET", "/api/v10/channels/1/messages")
    breaker.check("POST", "/api/v10/interactions/1/x/callback")


async def test_a_silent_discord_is_given_up(
    client: HTTPClient, server: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp's 300 seconds never apply."""
    assert calls.TIMEOUT.sock_read is not None
    assert calls.TIMEOUT.sock_read <= 15
    monkeypatch.setattr(calls, "TIMEOUT", aiohttp.ClientTimeout(sock_read=0.05))
    await outcomes(client, send(4000))
    server.silent = True
    async with asyncio.timeout(PATIENCE / 2):
        with pytest.raises(TimeoutError):
            await client.request(send(4001))


@pytest.mark.parametrize("wait", ["1", None])
async def test_a_global_limit_ends_although_the_call_that_met_it_was_cancelled(
    client: HTTPClient, server: Discord, wait: str | None
) -> None:
    """discord.py would have every later call wait for ever."""
    pause_for_at_most(client, 1 if wait is None else 1_000_000)
    server.status, server.headers = 429, {"Via": "1.1 google", "X-RateLimit-Scope": "global"}
    if wait is not None:
        server.headers["Retry-After"] = wait
    server.body = b'{"message": "slow", "retry_after": 25, "global": true}'
    meeting = asyncio.create_task(client.request(send(4000)))
    while not server.seen or client._global_over.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    meeting.cancel()
    await asyncio.gather(meeting, return_exceptions=True)

    server.status, server.body = 200, b"{}"
    async with asyncio.timeout(PATIENCE / 2):
        assert await client.request(send(4001)) == {}


async def test_a_long_global_limit_is_not_waited_for(client: HTTPClient, server: Discord) -> None:
    server.status, server.headers = 429, {"Via": "1.1 google"}
    server.body = b'{"message": "slow", "retry_after": 86400, "global": true}'
    with pytest.raises(discord.RateLimited):
        await client.request(send(4000))
    assert client._global_over.is_set()
