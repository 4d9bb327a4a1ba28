"""Faults of Discord's REST API where nobody has used a command: flags, forum tags, threads; and reading a channel.

Nobody waits for most of these, so a failure may be silent. But nothing may be there twice, and the next one must work.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from bot.servers.topics.forums import ForumMode
from tests.discord_trouble import CLOUDFLARE, JSON, Trouble
from tests.faults.crowd.server import GENERAL
from tests.faults.fault import Fault
from tests.faults.guild import LOG, SPANISH, GuildDiscord, hurry_client, set_up, settled
from tests.faults.online import Online, became_of, built_checkpoints, online
from tests.faults.rows.rest import TROUBLE
from tests.faults.tally import Tally

NUMBERS = itertools.count()
"""For texts, none of which is answered from memory."""
Do = Callable[[Online, GuildDiscord], Awaitable[int]]
"""Does something, and returns how often its outcome is there."""


@dataclass(frozen=True)
class Call:
    """A request that the bot makes of Discord, and what leads to it.

    Attributes:
        is_asked: whether somebody waits for an answer, so that silence is a loss.
        mode: of the forum.
    """

    method: str
    path: str
    do: Do
    is_asked: bool = False
    mode: ForumMode = ForumMode.APPLY


async def _flag(bot: Online, discord: GuildDiscord) -> int:
    message = await discord.write(SPANISH.format(next(NUMBERS)))
    await settled(bot)
    await discord.put_flag(message)
    await settled(bot)
    return _replies(discord, message)


async def _chat(bot: Online, discord: GuildDiscord) -> int:
    message = await discord.mention(f"Hello {next(NUMBERS)}")
    await settled(bot)
    return _replies(discord, message)


async def _tag(bot: Online, discord: GuildDiscord) -> int:
    post = await discord.post(f"It crashes {next(NUMBERS)}")
    await settled(bot)
    return len({tuple(tags) for thread, tags in discord.retagged if thread == post})  # the same again is no other


async def _propose(bot: Online, discord: GuildDiscord) -> int:
    post = await discord.post(f"It crashes {next(NUMBERS)}")
    await settled(bot)
    return len(discord.from_bot(post))


async def _log(bot: Online, discord: GuildDiscord) -> int:
    before = len(discord.from_bot(LOG))
    await discord.post(f"It crashes {next(NUMBERS)}")
    await settled(bot)
    return len(discord.from_bot(LOG)) - before


async def _mood(bot: Online, discord: GuildDiscord) -> int:
    data = {"id": "3000", "name": "mood", "type": 1, "options": [{"name": "messages", "type": 4, "value": 50}]}
    token = await discord.interact(2, 7_600_000 + next(NUMBERS), in_server=True, data=data)
    await settled(bot)
    became = became_of(discord.exchanges[token])
    return 2 if became.twice else became.once + became.told


def _replies(discord: GuildDiscord, message: str) -> int:
    """How many messages of the bot are about one: under it, or in a thread that begins with it."""
    under = [one for one in discord.from_bot(GENERAL) if discord.about.get(one) == message]
    return len(under) + len(discord.from_bot(message))


_thread = r"/channels/\d+/messages/\d+/threads"
CALLS: Mapping[str, Call] = {
    "flag's message": Call("GET", rf"/channels/{GENERAL}/messages/\d+", _flag),
    "translation": Call("POST", f"/channels/{GENERAL}/messages", _flag),
    "thread": Call("POST", _thread, _chat, is_asked=True),
    "answer in a thread": Call("POST", r"/channels/\d+/messages", _chat, is_asked=True),
    "its edit": Call("PATCH", r"/channels/\d+/messages/\d+", _chat, is_asked=True),
    "post's message": Call("GET", r"/channels/\d+/messages/\d+", _tag),
    "post": Call("GET", r"/channels/\d+", _tag),
    "tags": Call("PATCH", r"/channels/\d+", _tag),
    "log": Call("POST", f"/channels/{LOG}/messages", _log),
    "proposal": Call("POST", r"/channels/\d+/messages", _propose, mode=ForumMode.PROPOSE),
    "history": Call("GET", f"/channels/{GENERAL}/messages", _mood, is_asked=True),
}
SOME = ("rest-429", "rest-429-page", "rest-500", "rest-502-after", "rest-dropped", "rest-dropped-after")
"""Of the troubles, those that a call without an interaction can tell apart."""
LEFT_ALONE = ("flag's message", "translation", "answer in a thread", "tags", "log", "proposal")
"""The calls without which nothing can be there."""
GONE_AROUND = ("thread", "history")
"""Those whose refusal leads to a reply under the message, and to a sentence."""
FORBIDDEN: Mapping[int, str] = {50013: "the bot lacks a permission", 50001: "the bot has no access"}


async def _with_every_call(times: int, trouble: Trouble) -> Tally:
    """One request of each kind runs into trouble; that of the next person does not."""
    tally = Tally()
    async with AsyncExitStack() as at_end:
        discord, bot = await _opened(at_end)
        for call in [*CALLS.values()] * times:
            await set_up(bot, call.mode, threads=True)
            discord.plan_only(call.method, call.path, trouble)
            became = _counted(await call.do(bot, discord), may_be_silent=not call.is_asked)
            tally += Tally(tried=not discord.trouble_left) + became
            discord.forget_trouble()
            tally += _counted(await call.do(bot, discord))
    return tally


async def _forbidden(times: int, code: int) -> Tally:
    """Discord refuses every request of one kind: it is made once, and then the place is left alone."""
    tally = Tally()
    refusal = Trouble(403, json.dumps({"code": code, "message": "No"}).encode(), JSON, CLOUDFLARE)
    for name in (*LEFT_ALONE, *GONE_AROUND):
        call = CALLS[name]
        async with AsyncExitStack() as at_end:
            discord, bot = await _opened(at_end)
            await set_up(bot, call.mode, threads=name == "thread")
            discord.plan(call.method, call.path, *[refusal] * 1_000)
            for _ in range(3 * times):
                tally += _counted(await call.do(bot, discord), may_be_silent=name in LEFT_ALONE)
            made = 1_000 - discord.trouble_left
            most = 3 * times if name == "history" else 1  # whoever asks may ask again
            tally += Tally(tried=1) if 1 <= made <= most else Tally(lost=1)
    return tally


async def _opened(at_end: AsyncExitStack) -> tuple[GuildDiscord, Online]:
    discord = GuildDiscord()
    _, built = await asyncio.to_thread(built_checkpoints)
    options = {"message_content": True, "translate_checkpoint": str(built["m2m100"])}
    bot = await at_end.enter_async_context(online(discord, **options))
    hurry_client(bot)
    return discord, bot


def _counted(found: int, *, may_be_silent: bool = False) -> Tally:
    """Count an outcome. What nobody waits for, or what can reach nobody, counts as told."""
    if found:
        return Tally(asked=1, once=1) if found == 1 else Tally(asked=1, twice=1)
    return Tally(asked=1, told=1) if may_be_silent else Tally(asked=1, lost=1)


FAULTS: tuple[Fault, ...] = (
    *(
        Fault(
            name.replace("rest", "guild"),
            f"one request to Discord that belongs to no interaction: {TROUBLE[name][0]}",
            partial(_with_every_call, trouble=TROUBLE[name][1]),
            times=10,
            slow=name != "rest-502-after",
        )
        for name in SOME
    ),
    *(
        Fault(
            f"guild-{code}",
            f"a request that belongs to no interaction: {why} ({code})",
            partial(_forbidden, code=code),
            slow=True,
        )
        for code, why in FORBIDDEN.items()
    ),
)
