"""`/batch`: a whole file through another command."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import discord
from discord import app_commands

from bot.batches.components import CHOOSE_COLUMN, GIVE_UP, START, STOP, BatchButton, ColumnMenu
from bot.batches.office import Office
from bot.batches.permission import FEATURE, Permission
from bot.batches.plan import Command, Options
from bot.batches.service import BatchService, Given
from bot.batches.shift import Tools
from bot.checkpoint_option import CheckpointOfCommand
from bot.client import Cog, Glassbox, Interaction
from bot.errors import GlassboxError
from bot.inference.languages.pairs import LanguagePairs
from bot.replies.checkpoints import choosing
from bot.replies.components.autocompletion import language_choices
from bot.replies.components.press import Press
from bot.servers.features import ONES_OWN
from bot.text.label_list import parse_labels

Choices = list[app_commands.Choice[str]]


class Batch(Cog):
    """`/batch`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        tools = Tools(bot, bot.backend, bot.batches, bot.studio, bot.batches.now, bot._context)
        self.office = Office(bot.batches, bot.leases, self._answer, bot._context)
        permission = Permission(bot.access, bot.standing, bot.delivery.checkpoints)
        self.service = BatchService(tools, self.office, bot.access.check, permission.problem)
        bot.add_dynamic_items(ColumnMenu, BatchButton)
        bot.handle(CHOOSE_COLUMN, self.choose, feature=FEATURE)
        bot.handle(START, self.start, feature=FEATURE)
        bot.handle(STOP, self.stop, feature=ONES_OWN)
        bot.handle(GIVE_UP, self.give_up, feature=ONES_OWN)

    async def cog_load(self) -> None:
        self.office.start()

    async def cog_unload(self) -> None:
        await self.office.close()

    @app_commands.command()
    @app_commands.rename(target="to", source="from")
    @app_commands.describe(
        file="CSV, TSV, JSON lines or a text in each line: up to 10 MB and 20,000 rows",
        command="What to ask about each row",
        column="The column with the texts (I ask if left out and not obvious)",
        labels="For zeroshot: 2 to 20 labels with commas between them",
        target="For translate: into which language",
        source="For translate: from which language (found out for each row if left out)",
        second_column="For similarity: the column to compare with",
        reference="For similarity: one text to compare each row with",
        multi_label="For zeroshot: whether several labels may fit (no if left out)",
        top_k="For fill: how many words for each blank, 1 to 10 (1 if left out)",
        checkpoint=choosing.ABOUT,
        header="Whether the first row names the columns (found out if left out)",
        private="Whether only you see the answer (no if left out)",
    )
    async def batch(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        command: Literal["sentiment", "zeroshot", "translate", "entities", "fill", "similarity"],
        column: str | None = None,
        labels: str | None = None,
        target: str | None = None,
        source: str | None = None,
        second_column: str | None = None,
        reference: str | None = None,
        multi_label: bool = False,
        top_k: int = 1,
        checkpoint: Annotated[str | None, CheckpointOfCommand()] = None,
        header: bool | None = None,
        private: bool = False,
    ) -> None:
        """Answer each row of a file with a command, and get it back with the answers"""
        chosen = Command(command)
        await interaction.client.access.check(command, interaction)
        name = await self.delivery.checkpoints.name(interaction, command, checkpoint)
        options = Options(
            chosen,
            parse_labels(labels or "") if chosen is Command.ZERO_SHOT else (),
            multi_label,
            target if chosen is Command.TRANSLATE else None,
            source if chosen is Command.TRANSLATE else None,
            top_k,
            reference if chosen is Command.SIMILARITY else None,
            compares=chosen is Command.SIMILARITY and second_column is not None,
            checkpoint=name,
        )
        options.check(self.backend.languages(name or command))
        second = second_column if options.compares else None
        async with interaction.client.quotas.use(interaction.guild_id, interaction.user):
            await self.service.take(interaction, Given(file, options, header, column, second, private))

    async def choose(self, interaction: Interaction, press: Press[None, tuple[str, int | None]]) -> None:
        """Begin with the column that was chosen."""
        await self.service.choose(interaction, *press.detail)

    async def start(self, interaction: Interaction, press: Press[None, tuple[str, None]]) -> None:
        """Go on, although it takes long."""
        await self.service.start(interaction, press.detail[0])

    async def stop(self, interaction: Interaction, press: Press[None, tuple[str, None]]) -> None:
        """Give a file back as it is."""
        await self.service.stop(interaction, press.detail[0])

    async def give_up(self, interaction: Interaction, press: Press[None, tuple[str, None]]) -> None:
        """Delete a file that has yet to begin."""
        await self.service.give_up(interaction, press.detail[0])

    @batch.autocomplete("target")
    async def targets(self, interaction: Interaction, typed: str) -> Choices:
        known = self._languages()
        return await asyncio.to_thread(language_choices, typed, None if known is None else known.into())

    @batch.autocomplete("source")
    async def sources(self, interaction: Interaction, typed: str) -> Choices:
        known = self._languages()
        return await asyncio.to_thread(language_choices, typed, None if known is None else known.sources())

    async def _answer(self, identity: str, stop: asyncio.Event) -> None:
        await self.service.answer(identity, stop)

    def _languages(self) -> LanguagePairs | None:
        try:
            return self.backend.languages("translate")
        except GlassboxError:  # no checkpoint is set; the command itself will say so
            return None


setup = Batch.setup
