"""`/attention`: which token looks at which?"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Request
from bot.replies.components.attention_menus import CHANGE_VIEW, AttentionMenu
from bot.replies.components.press import Press
from bot.replies.delivery import ResponseKind
from bot.replies.results.attention import render
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import ANY_VIEW, AttentionView, Heads

VIEWS = {
    "average of heads": Heads.AVERAGE,
    "rollout": Heads.ROLLOUT,
    "all heads": Heads.ALL,
    "what arrives": Heads.ARRIVING,
    "one weight": Heads.WORKED,
}


class Attention(Cog):
    """`/attention`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.add_dynamic_items(AttentionMenu)
        bot.handle(CHANGE_VIEW, self.change_view, kept=AttentionRequest)

    @app_commands.command()
    @app_commands.rename(target="to", source="from")
    @app_commands.describe(
        text="What the model reads, for example: I love to hate this course",
        checkpoint="Whose attention: a name, or a command (that of /sentiment if left out)",
        layer="Its number, from 1 (the last if left out)",
        head="Its number, from 1 (the average of all heads if left out)",
        view="What is made of the heads, or one weight worked out (of head 1 if left out)",
        part="Of models that have an encoder and a decoder",
        second="A second text: a pair's hypothesis, or a translation in place of the model's",
        target="For checkpoints that translate: into which language (German if left out)",
        source="For checkpoints that translate: from which language (English if left out)",
    )
    async def attention(
        self,
        interaction: Interaction,
        text: str,
        checkpoint: Checkpoint = None,
        layer: int | None = None,
        head: int | None = None,
        view: Literal["average of heads", "rollout", "all heads", "what arrives", "one weight"] | None = None,
        part: Literal["encoder", "decoder", "cross"] | None = None,
        second: str | None = None,
        target: str | None = None,
        source: str = AttentionRequest.source,
    ) -> None:
        """Which token looks at which? A heat map of attention, layer by layer"""
        heads = VIEWS[view] if view else Heads.AVERAGE if head is None else Heads.ONE
        number = 1 if heads is Heads.WORKED and head is None else head
        wanted = AttentionView(None if part is None else Part(part), layer, heads, number)
        found = await self.delivery.checkpoints.find(interaction, "attention", checkpoint)
        # An encoder-decoder that translates writes another text than one that summarises.
        task = AttentionRequest.task if found is None else [*found.tasks, *found.offered, AttentionRequest.task][0]
        request = AttentionRequest(
            text, task, wanted, second, target, source, checkpoint=None if found is None else found.name
        )
        await self.delivery.answer(interaction, request, render)

    async def change_view(self, interaction: Interaction, press: Press[AttentionRequest, AttentionView]) -> None:
        """Show another view of the same text."""
        request = replace(press.request, view=press.detail)
        kept: dict[Request[object], str] = {replace(request, view=ANY_VIEW): press.request_id}
        await self.delivery.answer(interaction, request, render, kind=ResponseKind.of_view(interaction), kept=kept)


setup = Attention.setup
