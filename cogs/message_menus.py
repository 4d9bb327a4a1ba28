"""Message menus: Translate, Sentiment, Summarise, Entities, Show the work."""

from __future__ import annotations

from typing import Any

import discord
from cachetools import LRUCache
from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.inference.languages.pairs import LanguagePairs, serving, without_region
from bot.inference.requests import Request
from bot.locales.message import Message, later
from bot.locales.values import later_whole
from bot.replies.acknowledgement import defer
from bot.replies.components.press import Press
from bot.replies.delivery import Preview, Render, ResponseKind
from bot.replies.message_text import read_message, text_files, with_names
from bot.replies.results import entities, sentiment, summarize, translate
from bot.replies.sharing import SHARE, refusal, share, shareable
from bot.replies.work.render import render as render_work
from bot.request_ids import add_words_of
from bot.tasks.entities import EntitiesRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.text_request import TextRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from bot.text.characters import visible

MOST_SHARED = 1_000
"""Private answers that are remembered as shared, for the moment in which their button is still there."""


class MessageMenus(Cog):
    """The bot's entries in the menu of every message. They answer privately, and need no privileged intent."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._servers = bot.servers
        self._tree = bot.tree
        self._shared: LRUCache[int, None] = LRUCache(MOST_SHARED)
        bot.handle(SHARE, self.share, kept=Request)
        self._menus = (
            app_commands.ContextMenu(name="Translate", callback=self.translate),
            app_commands.ContextMenu(name="Sentiment", callback=self.sentiment),
            app_commands.ContextMenu(name="Summarise", callback=self.summarise),
            app_commands.ContextMenu(name="Entities", callback=self.entities),
            app_commands.ContextMenu(name="Show the work", callback=self.inspect),
        )

    async def cog_load(self) -> None:
        for menu in self._menus:
            self._tree.add_command(menu)

    async def cog_unload(self) -> None:
        for menu in self._menus:
            self._tree.remove_command(menu.name, type=menu.type)

    async def translate(self, interaction: Interaction, message: discord.Message) -> None:
        """Translate a message into the language of the one who asks."""
        text = await self._text(interaction, message, TranslateRequest, "translate")
        try:
            known = self.backend.languages("translate")
            request = TranslateRequest(text, self._language(interaction, known), None)
            if known is not None:
                request.check(known)
            await self._answer(interaction, request, translate.render)
        except InvalidRequest as error:
            raise InvalidRequest(
                later(
                    "{sentence} This menu translates into the language of your Discord; `/translate` takes any.",
                    sentence=error.message,
                )
            ) from None

    async def sentiment(self, interaction: Interaction, message: discord.Message) -> None:
        """Judge how a message feels."""
        text = await self._text(interaction, message, SentimentRequest, "sentiment")
        await self._answer(interaction, SentimentRequest(text), sentiment.render)

    async def summarise(self, interaction: Interaction, message: discord.Message) -> None:
        """Summarise a message and its text files."""
        text = await self._text(interaction, message, SummarizeRequest, "summarize")
        await self._answer(interaction, SummarizeRequest(text), summarize.render, summarize.preview)

    async def entities(self, interaction: Interaction, message: discord.Message) -> None:
        """Find the people, places and organisations in a message."""
        text = await self._text(interaction, message, EntitiesRequest, "entities")
        await self._answer(interaction, EntitiesRequest(text), entities.render)

    async def inspect(self, interaction: Interaction, message: discord.Message) -> None:
        """Follow a message through the model, as `/inspect` does."""
        await interaction.client.access.check("sentiment", interaction)
        text = await self._text(interaction, message, SentimentRequest, "inspect")
        await self._answer(interaction, WorkRequest.of(SentimentRequest(text)), render_work)

    async def share(self, interaction: Interaction, press: Press[Request[object], None]) -> None:
        """Share a private answer with everybody in the channel.

        Raises:
            InvalidRequest: it may not be shared here, or not by this person.
        """
        if (reason := await self._refusal(interaction)) is not None:
            raise InvalidRequest(reason)
        shown = 0 if interaction.message is None else interaction.message.id
        if shown in self._shared:  # pressed twice, before Discord took the button away
            await defer(interaction)
            return
        self._shared[shown] = None
        try:
            await share(interaction)
        except BaseException:
            self._shared.pop(shown, None)
            raise

    async def _text(
        self, interaction: Interaction, message: discord.Message, kind: type[TextRequest[Any]], command: str
    ) -> str:
        """Return the text of a message, with names instead of ids.

        Raises:
            InvalidRequest: it has none, or too much.
        """
        add_words_of([message.author.id])
        if text_files(message):  # reading them takes a part of the three seconds that Discord waits
            await defer(interaction, thinking=True, ephemeral=_kind(interaction) is ResponseKind.EPHEMERAL)
        text = visible(with_names(await read_message(message), message))
        if len(text) > kind.LONGEST:
            raise InvalidRequest(
                later(
                    "This message has {number} characters, embeds and files included, and I can read {longest} at "
                    "most. Please copy the part that matters, and use `/{command}` with it.",
                    number=later_whole(len(text)),
                    longest=later_whole(kind.LONGEST),
                    command=command,
                )
            )
        return text

    async def _answer(
        self,
        interaction: Interaction,
        request: Request[Any],
        render: Render[Any],
        preview: Preview[Any] | None = None,
    ) -> None:
        if await self._refusal(interaction) is None:
            render = shareable(render)
        await self.delivery.answer(interaction, request, render, preview, kind=_kind(interaction))

    def _language(self, interaction: Interaction, known: LanguagePairs | None) -> str:
        """Return the language that somebody has chosen, or that of their Discord.

        It is the tag of a checkpoint if that is known: `es` for `es-ES`.
        """
        own = interaction.client.own_languages.of(interaction.user.id)
        tag = interaction.locale.value if own is None else own.replace("_", "-")
        able = [] if known is None else serving(tag, known.into())
        return able[0] if able else without_region(tag)

    async def _refusal(self, interaction: Interaction) -> Message | None:
        settings = await self._servers.settings(interaction.guild_id)
        return refusal(interaction, private=settings.answers.private)


def _kind(interaction: Interaction) -> ResponseKind:
    """Return how to answer: for one person only, unless nobody else is there."""
    return ResponseKind.PUBLIC if interaction.context.dm_channel else ResponseKind.EPHEMERAL


setup = MessageMenus.setup
