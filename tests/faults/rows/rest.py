"""Faults of Discord's REST API: each with one request of every kind that the bot makes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.discord_trouble import CLOUDFLARE, JSON, Trouble
from tests.faults.fault import Fault
from tests.faults.online import (
    BAD_TEXT,
    CALLBACK,
    FOLLOW_UP,
    MESSAGE,
    MESSAGES,
    ORIGINAL,
    TEXT,
    Online,
    became_of,
    online,
)
from tests.faults.tally import Tally

Ask = Callable[[Online], Awaitable[Tally]]


@dataclass(frozen=True)
class Call:
    """A request that the bot makes of Discord, and somebody who asks for what it belongs to."""

    method: str
    path: str
    ask: Ask


async def _command(bot: Online, command: str, text: str) -> Tally:
    token = await bot.server.invoke(command, **({"text": text} if text else {}))
    await bot.settled()
    return became_of(bot.server.exchanges[token])


async def _press(bot: Online) -> Tally:
    token = await bot.server.press("Show the work", await _answered(bot))
    await bot.settled()
    return became_of(bot.server.exchanges[token])


async def _answered(bot: Online) -> Mapping[str, object]:
    """A message with an answer, from before the trouble."""
    first = next(one for one in bot.server.exchanges.values() if one.edits)
    return first.edits[-1]


async def _suggestions(bot: Online) -> Tally:
    token = await bot.server.complete("models", "checkpoint", "tiny")
    await bot.settled()
    return became_of(bot.server.exchanges[token])


async def _message(bot: Online) -> Tally:
    known = set(bot.server.messages)
    await bot.server.say("Hello")
    await bot.settled()
    new = [one for number, one in bot.server.messages.items() if number not in known]
    if len(new) > 1:
        return Tally(asked=1, twice=1)
    if not new:
        return Tally(asked=1, lost=1)
    return Tally(asked=1, once=1) if new[0].get("embeds") else Tally(asked=1, told=1)


_ask = partial(_command, command="sentiment", text=TEXT)
_ask_badly = partial(_command, command="sentiment", text=BAD_TEXT)

CALLS: Mapping[str, Call] = {
    "deferral": Call("POST", CALLBACK, _ask),
    "answer": Call("PATCH", ORIGINAL, _ask),
    "refusal at once": Call("POST", CALLBACK, partial(_command, command="sentiment", text=" ")),
    "withdrawal": Call("PATCH", ORIGINAL, _ask_badly),
    "deletion": Call("DELETE", ORIGINAL, _ask_badly),
    "follow-up": Call("POST", FOLLOW_UP, _ask_badly),
    "press": Call("POST", CALLBACK, _press),
    "form": Call("POST", CALLBACK, partial(_command, command="tokenize", text="")),
    "list of models": Call("POST", CALLBACK, partial(_command, command="models", text="")),
    "suggestions": Call("POST", CALLBACK, _suggestions),
    "message": Call("POST", MESSAGES, _message),
    "message's edit": Call("PATCH", MESSAGE, _message),
    "typing": Call("POST", "/typing", _message),
}

LIMITED = b'{"message": "slow", "retry_after": 0.01, "global": false}'
ALL_LIMITED = b'{"message": "slow", "retry_after": 0.01, "global": true}'
WAIT = {**CLOUDFLARE, "Retry-After": "0.01"}
TROUBLE: Mapping[str, tuple[str, Trouble]] = {
    "rest-429": (
        "429 with Retry-After", Trouble(429, LIMITED, JSON, WAIT)
    ),
    "rest-429-bare": ("429 that does not say how long", Trouble(429, b'{"message": "slow"}', JSON, CLOUDFLARE)),
    "rest-429-global": ("429 of the global limit", Trouble(429, ALL_LIMITED, JSON, WAIT)),
    "rest-429-page": ("429 as Cloudflare's page", Trouble(429, headers={"Retry-After": "0.01"})),
    "rest-500": ("500", Trouble(500, b'{"code": 0, "message": "internal"}', JSON)),
    "rest-502": ("502 before the request is processed", Trouble(502)),
    "rest-502-after": ("502 after it was processed", Trouble(502, processed=True)),
    "rest-dropped": ("the connection is dropped before it is processed", Trouble()),
    "rest-dropped-after": ("the connection is dropped after it was processed", Trouble(processed=True)),
    "rest-hang": ("Discord is silent, and has not processed it", Trouble(hangs=True)),
    "rest-hang-after": ("Discord is silent, and has processed it", Trouble(processed=True, hangs=True)),
}  # fmt: skip


def _refusal(status: int, code: int) -> Trouble:
    return Trouble(status, json.dumps({"code": code, "message": "No"}).encode(), JSON)


async def _with_every_call(times: int, trouble: Trouble, calls: Mapping[str, Call] = CALLS) -> Tally:
    """One request of each kind runs into trouble; those after it do not."""
    tally = Tally()
    async with online() as bot:
        for call in [*calls.values()] * times:
            bot.server.plan_only(call.method, call.path, trouble)
            became = await call.ask(bot)
            tally += Tally(tried=not bot.server.trouble_left) + became  # a quick answer to a message needs no edit
    return tally


async def _unreachable(times: int, trouble: Trouble, calls: Mapping[str, Call]) -> Tally:
    """Discord has ended it, and tells the person itself, or the person has. So nothing more must be tried.

    Such a person counts as told if nothing of ours is there and no more than one further request was made.
    """
    tally = Tally()
    async with online() as bot:
        for call in [*calls.values()] * times:
            bot.server.plan_only(call.method, call.path, trouble)
            before = bot.server.count(call.method, "")
            became = await call.ask(bot)
            left_alone = became.lost == 1 and bot.server.count(call.method, "") - before <= 3
            tally += Tally(1, 1, told=1) if left_alone else Tally(1) + became
    return tally


async def _elsewhere(times: int) -> Tally:
    """Another process with the same token has every interaction, and answers it; we must not."""
    tally = Tally()
    async with online() as bot:
        for _ in range(times):
            bot.server.plan_only("POST", CALLBACK, _refusal(400, 40060))
            token = await bot.server.invoke("sentiment", text=TEXT)
            exchange = bot.server.exchanges[token]
            exchange.acknowledged = 5
            await bot.settled()
            ours = bool(exchange.edits or exchange.followups or exchange.deleted)
            tally += Tally(1, 1, once=not ours, twice=ours)
    return tally


async def _shut_out(times: int, code: int) -> Tally:
    """The bot may not write in a channel. After the first message there, nothing more is tried."""
    tally = Tally()
    async with online() as bot:
        bot.server.plan("POST", "/channels/4000/(messages|typing)", *[_refusal(403, code)] * 1_000)
        for _ in range(5 * times):
            await bot.server.say("Hello")
            await bot.settled()
        tried = 1_000 - bot.server.trouble_left
        tally += Tally(1, 1, told=1) if tried <= 4 and not bot.server.messages else Tally(1, 1, lost=1)
    return tally


def _some(*names: str) -> Mapping[str, Call]:
    return {name: CALLS[name] for name in names}


FAULTS: tuple[Fault, ...] = (
    *(
        Fault(name, f"one request to Discord: {sentence}", partial(_with_every_call, trouble=trouble), 10, 1, slow=True)
        for name, (sentence, trouble) in TROUBLE.items()
    ),
    Fault(
        "rest-50035",
        "Discord does not accept an answer (50035)",
        partial(_with_every_call, trouble=_refusal(400, 50035), calls=_some("answer")),
        times=10,
    ),
    Fault(
        "rest-10062",
        "an interaction has expired before its deferral (10062)",
        partial(_unreachable, trouble=_refusal(404, 10062), calls=_some("deferral", "form", "list of models")),
        times=10,
    ),
    Fault(
        "rest-50027",
        "an interaction's token has expired before its answer (50027)",
        partial(_unreachable, trouble=_refusal(401, 50027), calls=_some("answer")),
        times=10,
    ),
    Fault(
        "rest-10008",
        "somebody has deleted the response before its answer (10008)",
        partial(_unreachable, trouble=_refusal(404, 10008), calls=_some("answer")),
        times=10,
    ),
    Fault("rest-40060", "another process has acknowledged the interaction (40060)", _elsewhere, times=10),
    Fault("rest-50013", "the bot may not write in a channel (50013)", partial(_shut_out, code=50013)),
    Fault("rest-50007", "somebody takes no direct messages (50007)", partial(_shut_out, code=50007)),
)
