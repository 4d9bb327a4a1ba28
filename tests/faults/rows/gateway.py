"""Faults of the gateway while fifty requests run; interactions that come late or twice, and unreadable events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from tests.discord_server import DiscordServer
from tests.faults.fault import Fault
from tests.faults.online import ORIGINAL, TEXT, Online, became_of, online
from tests.faults.tally import Tally

RUNNING = 50
"""Requests whose answers are on their way."""
MEANWHILE = 5
"""Commands that come while nobody is connected. Discord keeps them for a session that is resumed."""
UNREADABLE = ("MESSAGE_CREATE", "GUILD_CREATE", "INTERACTION_CREATE", "MESSAGE_REACTION_ADD", "NO_SUCH_EVENT")

Break = Callable[[DiscordServer], Awaitable[None]]


async def _drop(server: DiscordServer) -> None:
    server.drop_connection()


async def _break_with_fifty_running(times: int, cut: Break, resumes: bool, silent: bool = False) -> Tally:
    tally = Tally()
    async with online() as bot:
        if silent:
            # A minute, otherwise. Nothing is asserted about how long it takes.
            known = property(lambda state: 0.3, lambda state, seconds: None)
            bot.patch.setattr(discord.state.ConnectionState, "heartbeat_timeout", known, raising=False)
            bot.server.heartbeat_seconds = 0.05
            await _drop(bot.server)  # the connection that there is has beaten as it was told to
            await bot.server.connected_again(resumed=1)
        for _ in range(times):
            tally += Tally(tried=1) + await _once(bot, cut, resumes)
    return tally


async def _once(bot: Online, cut: Break, resumes: bool) -> Tally:
    server = bot.server
    resumed, identified = len(server.resumed) + resumes, len(server.identified) + (not resumes)
    server.may_edit.clear()
    tokens = [await server.invoke("sentiment", text=f"{TEXT} {number}") for number in range(RUNNING)]
    await server.until_true(lambda: server.edits_held == RUNNING)
    await cut(server)
    if resumes:
        tokens += [await server.invoke("sentiment", text=TEXT) for _ in range(MEANWHILE)]
    await server.connected_again(resumed=resumed, identified=identified)
    server.may_edit.set()
    tokens.append(await server.invoke("sentiment", text=TEXT))
    for token in tokens:
        await server.until("PATCH", f"/{token}{ORIGINAL}")
    await bot.settled()
    return sum((became_of(server.exchanges[token]) for token in tokens), Tally())


async def _fall_silent(server: DiscordServer) -> None:
    server.answers_heartbeats = False
    await server.connected_again(resumed=len(server.resumed) + 1)
    server.answers_heartbeats = True


async def _late(times: int) -> Tally:
    """An interaction arrives after Discord has given it up, through a session that was resumed."""
    tally = Tally()
    async with online() as bot:
        for _ in range(times):
            bot.server.age = 2.0  # Discord waits three seconds
            token = await bot.server.invoke("sentiment", text=TEXT)
            await bot.settled()
            tally += Tally(tried=1) + became_of(bot.server.exchanges[token])
    return tally


async def _twice(times: int) -> Tally:
    tally = Tally()
    async with online() as bot:
        for _ in range(times):
            token = await bot.server.invoke("sentiment", text=TEXT)
            await bot.server.send_again()
            await bot.settled()
            again = bot.server.count("POST", f"/{token}/callback") > 1
            tally += Tally(1, 1, twice=1) if again else Tally(1) + became_of(bot.server.exchanges[token])
    return tally


async def _unreadable(times: int) -> Tally:
    """Events that discord.py cannot read come between commands, which are answered on the same connection."""
    tally = Tally()
    async with online() as bot:
        for event in UNREADABLE * times:
            await bot.server.send_event(event, {"guild_id": "nonsense", "type": None})
            token = await bot.server.invoke("sentiment", text=TEXT)
            await bot.server.until("PATCH", f"/{token}{ORIGINAL}")
            await bot.settled()
            tally += Tally(tried=1) + became_of(bot.server.exchanges[token])
        tally.lost += len(bot.server.identified) + len(bot.server.resumed) - 1
    return tally


async def _close(server: DiscordServer, code: int) -> None:
    await server.hang_up(code)


async def _ask_to_reconnect(server: DiscordServer) -> None:
    await server.ask_to_reconnect()


async def _invalidate(server: DiscordServer, resumable: bool) -> None:
    await server.invalidate_session(resumable=resumable)


def _break(name: str, sentence: str, cut: Break, *, resumes: bool = True, silent: bool = False) -> Fault:
    drive = partial(_break_with_fifty_running, cut=cut, resumes=resumes, silent=silent)
    return Fault(f"gateway-{name}", f"gateway, fifty requests running: {sentence}", drive, 5, 1, slow=True)


FAULTS: tuple[Fault, ...] = (
    _break("reset", "the connection is reset", _drop),
    _break("4000", "closed with 4000", partial(_close, code=4000)),
    _break("1001", "closed with 1001", partial(_close, code=1001)),
    _break("op7", "asked to reconnect (opcode 7)", _ask_to_reconnect),
    _break("op9", "session invalid, resumable (opcode 9)", partial(_invalidate, resumable=True)),
    _break("op9-for-good", "session invalid for good", partial(_invalidate, resumable=False), resumes=False),
    _break("silent", "heartbeats unacknowledged", _fall_silent, silent=True),
    Fault("gateway-late", "an interaction arrives two seconds late", _late, times=10),
    Fault("gateway-twice", "an interaction arrives twice", _twice, times=10),
    Fault("gateway-unreadable", "an event cannot be read", _unreadable, times=5),
)
