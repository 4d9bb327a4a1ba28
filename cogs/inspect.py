"""Show the work: the button under answers, and `/inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from cachetools import LRUCache
from discord import app_commands

from bot.checkpoint_option import CheckpointOfCommand
from bot.client import Cog, Glassbox, Interaction
from bot.inference.requests import Request
from bot.replies.acknowledgement import defer
from bot.replies.checkpoints import choosing
from bot.replies.components.pages import SHOW_VARIANT, TURN_PAGE, ChosenVariant, VariantMenu
from bot.replies.components.press import Press
from bot.replies.delivery import ResponseKind
from bot.replies.latest_only import LatestOnly
from bot.replies.messages import check_reader
from bot.replies.sharing import still_shareable
from bot.replies.work.exchanges import exchanges_of
from bot.replies.work.offer import SHOW_WORK
from bot.replies.work.render import render
from bot.replies.work.written_menu import CHOOSE_WORD, WrittenMenu, WrittenView
from bot.tasks import all_tasks
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.blocks import Page, PostponedFlip, PostponedWriting
from bot.tasks.work.explanations import EXPLANATIONS
from bot.tasks.work.request import Exchange, WorkRequest
from bot.tasks.zeroshot import USUAL_LABELS, ZeroShotRequest
from bot.text.label_list import parse_labels

TARGET = "German"
MOST_COMPUTED = 8
"""Slow pages that are remembered as computed: the worker keeps the results of about as many."""

Make = Callable[[str, str, str], Request[object]]
"""Makes the request of a command from a text, labels, and a language."""


def inspectable() -> Mapping[str, Make]:
    """Return the commands that can be explained and that need no more than a text, labels or a language."""
    known: dict[str, Make] = {task.name: partial(_of_text, task.request) for task in all_tasks() if task.from_text}
    known["zeroshot"] = lambda text, labels, target: ZeroShotRequest(text, parse_labels(labels))
    known["translate"] = lambda text, labels, target: TranslateRequest(text, target, None)
    return {name: known[name] for name in EXPLANATIONS if name in known}


def _of_text(kind: Callable[[str], Request[object]], text: str, labels: str, target: str) -> Request[object]:
    return kind(text)


def command_choices() -> list[app_commands.Choice[str]]:
    """Return the commands to choose from."""
    return [app_commands.Choice(name=f"/{name}", value=name) for name in inspectable()][:25]  # Discord's limit


class Inspect(Cog):
    """`/inspect`, and Show the work."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.handle(SHOW_WORK, self.show, kept=WorkRequest)
        bot.handle(TURN_PAGE, self.turn, kept=WorkRequest)
        bot.add_dynamic_items(WrittenMenu, VariantMenu)
        bot.handle(CHOOSE_WORD, self.choose_word, kept=WorkRequest)
        bot.handle(SHOW_VARIANT, self.show_variant, kept=WorkRequest)
        self._edits = LatestOnly()
        self._computed: LRUCache[tuple[str, int], WorkRequest] = LRUCache(MOST_COMPUTED)

    @app_commands.command()
    @app_commands.choices(command=command_choices())
    @app_commands.describe(
        text="What to look into, for example: I love to hate this course",
        command="Which command to follow (/sentiment if left out)",
        labels=f"For /zeroshot: 2 to 20 labels ({USUAL_LABELS} if left out)",
        target=f"For /translate: into which language ({TARGET} if left out)",
        checkpoint=choosing.ABOUT,
    )
    @app_commands.rename(target="to")
    async def inspect(
        self,
        interaction: Interaction,
        text: str,
        command: str = "sentiment",
        labels: str = USUAL_LABELS,
        target: str = TARGET,
        checkpoint: Annotated[str | None, CheckpointOfCommand()] = None,
    ) -> None:
        """Follow a text through the model: tokens, hidden states, logits, decision"""
        await interaction.client.access.check(command, interaction)
        name = await self.delivery.checkpoints.name(interaction, command, checkpoint)
        request = replace(inspectable()[command](text, labels, target), checkpoint=name)
        await self.delivery.answer(interaction, WorkRequest.of(request), render)

    async def show(self, interaction: Interaction, press: Press[WorkRequest, None]) -> None:
        """Show the work behind an answer, only to the person who asks.

        Raises:
            InvalidRequest: it would show messages that they may not read.
        """
        check_reader(interaction, press.request.about)
        await self.delivery.answer(interaction, press.request, render, kind=ResponseKind.EPHEMERAL)

    async def turn(self, interaction: Interaction, press: Press[WorkRequest, int]) -> None:
        """Show another page. Of several edits of a message, only the newest counts. Raises like `show`."""
        await self._change(interaction, press, WrittenView(press.detail))

    async def choose_word(self, interaction: Interaction, press: Press[WorkRequest, WrittenView]) -> None:
        """Show what made the model write one of its words, or another part of their menu; otherwise as `turn`."""
        await self._change(interaction, press, press.detail)

    async def _change(self, interaction: Interaction, press: Press[WorkRequest, Any], view: WrittenView) -> None:
        check_reader(interaction, press.request.about)
        kind = ResponseKind.of_view(interaction)
        if kind is ResponseKind.EPHEMERAL or interaction.message is None:
            await self._turn(interaction, press, view, kind)
            return
        await defer(interaction)  # also for an edit that a newer one cancels
        await self._edits.run(interaction.message.id, self._turn(interaction, press, view, kind))

    async def show_variant(self, interaction: Interaction, press: Press[WorkRequest, ChosenVariant]) -> None:
        """Show another view of a page, from the numbers that the worker has already. Raises like `show`."""
        check_reader(interaction, press.request.about)
        await self.delivery.answer(
            interaction,
            press.request,
            still_shareable(interaction, partial(render, number=press.detail.page, variant=press.detail.variant)),
            kind=ResponseKind.of_view(interaction),
            kept={press.request: press.request_id},
        )

    async def _turn(
        self, interaction: Interaction, press: Press[WorkRequest, Any], view: WrittenView, kind: ResponseKind
    ) -> None:
        """Show a page. One that takes long says so first, unless it was computed recently."""
        key = (press.request_id, view.page)
        show = partial(self.delivery.answer, interaction, kind=kind, kept={press.request: press.request_id})
        page = still_shareable(interaction, partial(render, number=view.page, word=view.word, first=view.first))
        if (computed := self._computed.get(key)) is not None:
            await show(computed, page)
            return
        answer = await show(press.request, page)
        waiting = None if answer is None else answer.result.page_at(view.page)[1].postponed
        if waiting is None:
            return
        # Two pages about the words of one text are computed together, but each of several written texts by itself.
        number = view.page if isinstance(waiting, PostponedWriting) else None
        of_flip = isinstance(waiting, PostponedFlip)
        wanted = replace(press.request, flip=of_flip, evidence=not of_flip, page=number)
        shown = await show(wanted, page)
        if shown is None:
            return
        if (estimate := shown.result.page_at(view.page)[1]).is_estimate:
            exchanges = await self._exchanges(interaction, wanted, estimate) if wanted.flip else ()
            wanted = replace(wanted, finer=True, exchanges=exchanges)
            if await show(wanted, page) is None:
                return
        self._computed[key] = wanted

    async def _exchanges(self, interaction: Interaction, request: WorkRequest, first: Page) -> tuple[Exchange, ...]:
        return await exchanges_of(self.backend, request.about.subject, first.strongest, interaction.user.id)


setup = Inspect.setup
