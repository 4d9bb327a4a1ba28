"""Three hundred people: what they ask, press, fill in, stop and delete, and what becomes of it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.discord_server import Exchange
from tests.faults.crowd.endings import MODAL, STOPS, Ending, ending_of, is_unfinished, is_whole, pressable
from tests.faults.crowd.server import CrowdedDiscord
from tests.faults.crowd.wishes import AUTOCOMPLETION, Wish, Wishes

PEOPLE = 300
OWNER = 2000
"""Of the server and the application."""
FIRST_PERSON = 6_000_000
COMPONENT, MODAL_SUBMIT = 3, 5
"""Discord's types of interactions."""
DIRECT = 0.1
"""The share of requests that people send to the bot alone."""
PRESSES, DELETES, STOPPED = 0.3, 0.02, 0.3
"""The share of answers that somebody presses something under, of requests under way whose message somebody deletes in a
second, and of unfinished texts that somebody stops."""
UNTOUCHED = ("glassbox-status-begin", "glassbox-language")
"""Menus that nobody uses. After a maintenance has begun, all would be refused, and the load would be none; in another
language, endings could not be told from English words."""
LOOKS = 0.05
"""Seconds between two looks at what has come of an interaction."""


@dataclass
class Asked:
    """An interaction that was sent.

    Attributes:
        what: the command, menu, button or modal, for the report.
        removed: whether the person has deleted the message.
        ended: when it had its answer, in the loop's seconds.
    """

    token: str
    what: str
    person: int
    in_server: bool
    removed: bool = False
    stopped: bool = False
    ending: Ending | None = None
    is_typing: bool = False
    ended: float | None = None


@dataclass
class Crowd:
    """People who ask at random times, and look at what comes.

    Args:
        deletes: of the requests under way, the share whose message somebody deletes in a second.

    Attributes:
        open: interactions without an ending.
        tally: endings so far.
        by_kind: what was asked for, and how it ended.
        told: what was asked for, and the sentence that came instead of an answer.
        strange: those that were lost or answered twice, with all that came of them.
    """

    discord: CrowdedDiscord
    state: random.Random
    deletes: float = DELETES
    open: dict[str, Asked] = field(default_factory=dict)
    tally: Counter[Ending] = field(default_factory=Counter)
    by_kind: Counter[tuple[str, Ending]] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: list[tuple[float, str]] = field(default_factory=list)
    asked: int = 0
    strange: list[tuple[Asked, Exchange]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wishes = Wishes(self.discord, self.state)
        self._people = [OWNER, *range(FIRST_PERSON, FIRST_PERSON + PEOPLE - 1)]

    async def ask_each(self) -> None:
        """Ask for everything once, one after the other, so that all is loaded."""
        for number, wish in enumerate(self.wishes.each()):
            await self._ask(wish, self._people[number], in_server=True)
            await self.settle()

    async def ask(self, seconds: float, rate: float) -> None:
        """Ask at random times, `rate` times a second on average, with what follows from the answers."""
        loop = asyncio.get_running_loop()
        end, due = loop.time() + seconds, loop.time()
        while due < end:
            self.look()
            await asyncio.sleep(min(LOOKS, max(0.0, due - loop.time())))
            if loop.time() < due:
                continue
            due += self.state.expovariate(rate)
            await self._ask_something()

    async def ask_at_once(self, number: int) -> None:
        """Ask so often without a pause."""
        for _ in range(number):
            self.look()
            await self._ask_something()

    async def settle(self, patience: float = 120.0) -> None:
        """Wait until all have an ending, or for so many seconds nothing comes any more. The rest is lost."""
        loop = asyncio.get_running_loop()
        since, left = loop.time(), len(self.open)
        while any(not one.is_typing for one in self.open.values()) and loop.time() - since < patience:
            await asyncio.sleep(LOOKS)
            self.look()
            if len(self.open) < left:
                since, left = loop.time(), len(self.open)
        for one in list(self.open.values()):
            self._end(one, Ending.NOT_COMPLETED if one.is_typing else Ending.LOST)

    def look(self) -> None:
        """See what has come of everything that was asked."""
        for one in list(self.open.values()):
            exchange = self.discord.exchanges[one.token]
            ending = ending_of(exchange, removed=one.removed)
            if ending is None and one.what == "pressed Stop" and exchange.acknowledged is not None:
                ending = Ending.ANSWERED
            if ending is not None:
                self._end(one, ending)
            elif exchange.acknowledged == 5:
                self._perhaps_cancel(one, exchange)

    async def follow(self) -> None:
        """Press and fill in what the latest answers offer, until this is cancelled."""
        while True:
            await self.follow_up()
            await asyncio.sleep(LOOKS)

    async def follow_up(self) -> None:
        """Press and fill in what the latest answers offer."""
        self._follow_ups, todo = [], self._follow_ups
        for one, message in todo:
            await self._use(one, message)

    _follow_ups: list[tuple[Asked, Mapping[str, Any]]] = field(default_factory=list)

    async def _ask_something(self) -> None:
        wish = self.wishes.draw()
        in_server = wish.needs_server or self.state.random() >= DIRECT
        await self._ask(wish, self.wishes.chosen(self._people), in_server=in_server)

    async def _ask(self, wish: Wish, person: int, *, in_server: bool) -> None:
        what = f"/{wish.name}" if not wish.is_menu else f"the menu {wish.name}"
        await self._send(what if wish.kind == 2 else f"typing in {what}", wish.kind, person, in_server,
                         data=self.wishes.data(wish))  # fmt: skip

    async def _send(self, what: str, kind: int, person: int, in_server: bool, **content: Any) -> None:
        token = await self.discord.interact(kind, person, in_server=in_server, **content)
        self.open[token] = Asked(token, what, person, in_server, is_typing=kind == AUTOCOMPLETION)
        self.asked += 1

    def _end(self, one: Asked, ending: Ending) -> None:
        one.ending, one.ended = ending, asyncio.get_running_loop().time()
        del self.open[one.token]
        exchange = self.discord.exchanges[one.token]
        self.tally[ending] += 1
        self.by_kind[one.what, ending] += 1
        self.waits.append((one.ended - self.discord.sent_at[one.token], one.what))
        if ending is Ending.TOLD:
            self.told[one.what, _sentence(exchange)] += 1
        if ending in (Ending.LOST, Ending.TWICE):
            self.strange.append((one, exchange))
        if exchange.acknowledged == MODAL or self.state.random() < PRESSES:
            self._follow_ups.append((one, _last(exchange)))
        self._closed.append(one)

    _closed: list[Asked] = field(default_factory=list)

    def recheck(self) -> None:
        """Look once more at everything that has ended: something may have come afterwards, such as a second answer."""
        for one in self._closed:
            now = ending_of(self.discord.exchanges[one.token], removed=one.removed)
            if now is not None and now is not one.ending and one.ending is not None:
                self.tally[one.ending] -= 1
                self.tally[now] += 1
                one.ending = now
                if now is Ending.TWICE:
                    self.strange.append((one, self.discord.exchanges[one.token]))

    def _perhaps_cancel(self, one: Asked, exchange: Exchange) -> None:
        if exchange.edits and is_unfinished(exchange.edits[-1]) and not one.stopped:
            one.stopped = True
            if self.state.random() < STOPPED:
                self._follow_ups.append((one, exchange.edits[-1]))
        elif self.state.random() < self.deletes * LOOKS:
            one.removed = exchange.deleted = True

    async def _use(self, one: Asked, message: Mapping[str, Any]) -> None:
        if "custom_id" in message:  # a modal
            data = {"custom_id": message["custom_id"], "components": self._filled(message)}
            await self._send("a modal", MODAL_SUBMIT, one.person, one.in_server, data=data)
            return
        offered = pressable(message)
        if is_unfinished(message):
            offered = [part for part in offered if part.get("label") in STOPS]
        offered = [part for part in offered if part["custom_id"].split(":")[0] not in UNTOUCHED]
        if not offered:
            return
        part = self.state.choice(offered)
        data = {"component_type": part["type"], "custom_id": part["custom_id"]}
        if part["type"] == 3:
            data["values"] = [self.state.choice(part["options"])["value"]]
        shown = self.discord.shown_message(message, one.person)
        name = part.get("label") if part.get("label") in STOPS else part["custom_id"].split(":")[0]
        await self._send(f"pressed {name}", COMPONENT, one.person, one.in_server, data=data, message=shown)

    def _filled(self, modal: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the parts of a modal as somebody sends them."""
        filled = []
        for number, label in enumerate(modal["components"]):
            part = label.get("component") or {}
            value: dict[str, Any] = {"type": part.get("type"), "id": 50 + number, "custom_id": part.get("custom_id")}
            if part.get("type") == 4:
                value["value"] = self.wishes.text()
            elif "options" in part:
                value["values"] = [self.state.choice(part["options"])["value"]]
            else:
                value["value"] = False
            if part:
                filled.append({"type": label["type"], "id": number + 1, "component": value})
        return filled


def _last(exchange: Exchange) -> Mapping[str, Any]:
    """Return what somebody sees last."""
    shown = [exchange.response, *exchange.edits, *exchange.followups]
    last = next((one for one in reversed(shown) if is_whole(one)), exchange.response)
    return {**last, "flags": last.get("flags") or exchange.response.get("flags") or 0}


def _sentence(exchange: Exchange) -> str:
    [*_, last] = [exchange.response, *exchange.followups]
    return str(last.get("content"))
