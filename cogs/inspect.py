"""Show the work: the button under answers, and `/inspect`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import discord
from cachetools import LRUCache
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.inference.requests import Request
from bot.replies.acknowledgement import defer
from bot.replies.components.ownership import is_own
from bot.replies.components.pages import Turn
from bot.replies.delivery import Delivery, Place
from bot.replies.messages import check_reader
from bot.replies.turns import Turns
from bot.replies.work.offer import SHOW_WORK
from bot.replies.work.pages import is_postponed
from bot.replies.work.render import render
from bot.tasks import all_tasks
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest, explanations
from bot.tasks.zeroshot import ZeroShotRequest, parse_labels

LABELS = "sports, politics, entertainment"
TARGET = "German"
MOST_COMPUTED = 8
"""Of so many pages that took long it is known that they were computed: the worker remembers about as many."""

Make = Callable[[str, str, str], Request[Any]]
"""Makes a command's request of a text, labels, and a language."""


def inspectable() -> Mapping[str, Make]:
    """The commands that can be opened and that a text is enough for, or one of the further options."""
    known: dict[str, Make] = {
        "zeroshot": lambda text, labels, target: ZeroShotRequest(text, parse_labels(labels)),
        "translate": lambda text, labels, target: TranslateRequest(text, target, None),
    }
    for task in all_tasks():
        if task.from_text:
            known.setdefault(task.name, partial(_of_text, task.request))
    return {name: known[name] for name in explanations() if name in known}


def _of_text(kind: Callable[[str], Request[Any]], text: str, labels: str, target: str) -> Request[Any]:
    return kind(text)


def command_choices() -> list[app_commands.Choice[str]]:
    """What can be chosen."""
    return [app_commands.Choice(name=f"/{name}", value=name) for name in inspectable()][:25]


class Inspect(commands.Cog):
    """`/inspect`, and Show the work."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._turns = Turns()
        self._computed: LRUCache[Turn, None] = LRUCache(MOST_COMPUTED)

    @app_commands.command()
    @app_commands.choices(command=command_choices())
    @app_commands.describe(
        text="What to look into, for example: I love to hate this course",
        command="Whose model and way to follow (/sentiment if left out)",
        labels=f"For /zeroshot: 2 to 20 labels with commas between them ({LABELS} if left out)",
        target=f"For /translate: into which language ({TARGET} if left out)",
    )
    @app_commands.rename(target="to")
    async def inspect(
        self,
        interaction: discord.Interaction[Glassbox],
        text: str,
        command: str = "sentiment",
        labels: str = LABELS,
        target: str = TARGET,
    ) -> None:
        """Follow a text through the model, step by step: tokens, hidden states, logits, softmax, decision"""
        request = inspectable()[command](text, labels, target)
        await self.delivery.answer(interaction, WorkRequest.of(request), render)

    async def show(self, interaction: discord.Interaction[Glassbox], request: WorkRequest) -> None:
        """The work behind an answer, for whoever wants to see it, and nobody else.

        Raises:
            InvalidRequest: it would show messages that they may not read.
        """
        if getattr(request.about, "messages", None) is not None:
            check_reader(interaction)
        await self.delivery.answer(interaction, request, render, place=Place.PRIVATE)

    async def turn(self, interaction: discord.Interaction[Glassbox], request: Request[Any], turn: Turn) -> None:
        """Another page. Who did not ask for a page that everybody sees gets a copy that they can turn themselves."""
        assert isinstance(request, WorkRequest)
        if not is_own(interaction):
            await self._turn(interaction, request, turn, Place.PRIVATE)
            return
        assert interaction.message is not None
        await defer(interaction)  # also for a turn that is given up, because somebody has turned on
        await self._turns.take(interaction.message.id, self._turn(interaction, request, turn, Place.SAME))

    async def _turn(
        self, interaction: discord.Interaction[Glassbox], request: WorkRequest, turn: Turn, place: Place
    ) -> None:
        """Show a page; one that takes long says so first, unless it was computed a short while ago."""
        show = partial(self.delivery.answer, interaction, place=place, kept={request: turn.identity})
        page = partial(render, number=turn.page)
        if turn not in self._computed:
            answer = await show(request, page)
            if answer is None or not await asyncio.to_thread(is_postponed, answer.result, turn.page):
                return
        if await show(replace(request, evidence=True), page) is not None:
            self._computed[turn] = None


async def setup(bot: Glassbox) -> None:
    cog = Inspect(bot.delivery)
    await bot.add_cog(cog)
    bot.handle(SHOW_WORK, cog.show)
    bot.turn_pages(cog.turn)
