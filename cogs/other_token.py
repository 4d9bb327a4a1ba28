"""Another token under Show the work: a written text goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.client import Cog, Glassbox, Interaction
from bot.errors import RequestForgotten
from bot.inference.requests import Request
from bot.private_answers import is_answered_privately
from bot.replies.components.press import Press
from bot.replies.delivery import Preview, Render, ResponseKind
from bot.replies.messages import check_reader
from bot.replies.results import chat, complete, generate
from bot.replies.sharing import refusal, shareable, still_shareable
from bot.replies.work.other_tokens import (
    SHOW_PLACE,
    TAKE_TOKEN,
    PlaceMenu,
    ShownPlace,
    TakenToken,
    TokenMenu,
)
from bot.replies.work.render import render as render_work
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.work.other_tokens import Branching, branched
from bot.tasks.work.request import WorkRequest

SHOWN: Mapping[type[Request[Any]], tuple[Render[Any], Preview[Any]]] = {
    GenerateRequest: (generate.render, generate.preview),
    CompleteRequest: (complete.render, complete.preview),
    ChatRequest: (chat.render_branch, chat.preview),
}
"""How the answer to a request is shown, and what there is of it."""


class OtherToken(Cog):
    """The menus under a written text."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._servers = bot.servers
        bot.add_dynamic_items(PlaceMenu, TokenMenu)
        bot.handle(SHOW_PLACE, self.show, kept=WorkRequest)
        bot.handle(TAKE_TOKEN, self.take, kept=WorkRequest)

    async def show(self, interaction: Interaction, press: Press[WorkRequest, ShownPlace]) -> None:
        """Show the tokens at another place, or other places.

        Raises:
            InvalidRequest: it would show messages that they may not read.
        """
        check_reader(interaction, press.request.about)
        view = press.detail
        page = partial(render_work, number=view.page, place=view.place, first=view.first)
        await self.delivery.answer(
            interaction,
            press.request,
            still_shareable(interaction, page),
            kind=ResponseKind.of_view(interaction),
            kept={press.request: press.request_id},
        )

    async def take(self, interaction: Interaction, press: Press[WorkRequest, TakenToken]) -> None:
        """Write a text that goes on from another token. It is as private as the page.

        Raises:
            InvalidRequest: as in `show`.
            RequestForgotten: the press is forged.
        """
        check_reader(interaction, press.request.about)
        request = _branched(press.request, press.detail)
        render, preview = SHOWN[type(request)]
        if is_answered_privately(interaction) and await self._may_be_shared(interaction):
            render = shareable(render)
        await self.delivery.answer(interaction, request, render, preview)

    async def _may_be_shared(self, interaction: Interaction) -> bool:
        settings = await self._servers.settings(interaction.guild_id)
        return refusal(interaction, private=settings.answers.private) is None


def _branched(work: WorkRequest, taken: TakenToken) -> Request[Any]:
    """Return the request for the text; raise `RequestForgotten` if there is no such text, so that the id is forged."""
    about, texts = work.about, work.written
    if not isinstance(about, Branching) or taken.text >= len(texts) or not 0 < taken.place <= len(texts[taken.text]):
        raise RequestForgotten
    return branched(about, texts[taken.text], taken.place, taken.token)


setup = OtherToken.setup
