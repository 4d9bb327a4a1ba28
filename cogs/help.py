"""`/help`: what each command is for, to read and to try."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest, Unanswered, describe
from bot.locales.message import later
from bot.private_answers import answer_privately
from bot.replies.acknowledgement import NO_MENTIONS, acknowledgement, defer, send_modal
from bot.replies.components.modals import Submission
from bot.replies.components.press import Press
from bot.replies.discord_errors import Outcome, outcome_of
from bot.replies.formatting.text import code_span
from bot.replies.help.command_ids import CommandIds
from bot.replies.help.controls import LOOK, REPORT, SEND_REPORT, TRY, CommandMenu, HelpButton, TryButton
from bot.replies.help.guide import Example, Guide, guides_of, menus_of, read_examples
from bot.replies.help.page import Help
from bot.replies.help.report import ReportLimit, report, report_modal
from bot.replies.pending import Edit, edit_for_good
from bot.servers.features import feature_of
from bot.text.characters import visible

log = logging.getLogger(__name__)

FEATURE = "help"
SEND_SECONDS = 10.0
UNKNOWN_COMMAND = later("I have no command of this name. Open /help again to see those that I have.")
NOT_TRIED = later("This example can't be run by a button. Type the command yourself, as the example shows it.")
NOWHERE = later(
    "Whoever runs me has not said where reports should go, so I can't pass this on. Please tell them yourself."
)
PASSED_ON = later("Thank you. I have passed on what you wrote, and nothing else.")
NOT_PASSED_ON = later(
    "I could not pass your report on, and the failure has been logged. Please try again later. You wrote: {report}"
)
PERHAPS = later(
    "Discord does not tell me whether your report has arrived. Please send it again only if nobody reacts to it."
)
LONGEST_ECHO = 1_600


class Help_(Cog, name="Help"):  # noqa: N801  # `Help` is the page
    """`/help`. It needs no model, so it answers while they load."""

    def __init__(self, bot: Glassbox, examples: Mapping[str, Example]) -> None:
        super().__init__(bot)
        self._bot = bot
        self._examples = examples
        self._ids = CommandIds(bot.tree)
        self._limit = ReportLimit(lambda: asyncio.get_running_loop().time())
        bot.add_dynamic_items(CommandMenu, TryButton, HelpButton)
        bot.handle(LOOK, self.look, feature=FEATURE)
        bot.handle(TRY, self.try_it, feature=FEATURE)
        bot.handle(REPORT, self.ask_for_report, feature=FEATURE)
        bot.handle(SEND_REPORT, self.send_report, feature=FEATURE, modal=True)

    @classmethod
    async def setup(cls, bot: Glassbox) -> None:
        await bot.add_cog(cls(bot, await asyncio.to_thread(read_examples)))

    @app_commands.command(name="help")
    @app_commands.describe(command="What to read about (all commands if left out)")
    async def help_(self, interaction: Interaction, command: str | None = None) -> None:
        """What can I do? Each command with an example to try"""
        await self._show(interaction, None if command is None else self._guide(command.removeprefix("/").strip()))

    @help_.autocomplete("command")
    async def commands(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        wanted = typed.removeprefix("/").strip().casefold()
        names = [name for name in self._guides() if wanted in name]
        return [app_commands.Choice(name=f"/{name}", value=name) for name in names[:25]]

    async def look(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Show the page of a command, or the overview."""
        await self._show(interaction, self._guide(press.detail) if press.detail else None)

    async def try_it(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Run the example of a command for the one who presses, as if they had typed it; only they see the answer."""
        guide = self._guide(press.detail)
        command = self._bot.tree.get_command(guide.name)
        if not guide.can_try or not isinstance(command, app_commands.Command):
            raise InvalidRequest(NOT_TRIED)
        await self._bot.access.enter(feature_of(command), interaction)
        answer_privately(interaction)
        await command.callback(command.binding, interaction, **guide.values)  # type: ignore[arg-type]

    async def ask_for_report(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Ask what went wrong."""
        self._check_reports(interaction)
        await send_modal(interaction, report_modal())

    async def send_report(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Pass on to the operator what somebody has written."""
        channel_id = self._check_reports(interaction)
        text = press.detail.text.strip()
        if not visible(text):
            raise InvalidRequest(
                later("Your report is empty, so I have passed on nothing. Please say what went wrong.")
            )
        self._limit.count(interaction.user.id)
        await defer(interaction, thinking=True, ephemeral=True)
        channel = self._bot.get_partial_messageable(channel_id)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await channel.send(embed=report(text), allowed_mentions=NO_MENTIONS)
        except Exception as error:  # see `bot.replies.discord_errors`
            log.error("a report cannot be passed on to REPORT_CHANNEL: %s", describe(error))
            if outcome_of(error) is Outcome.UNKNOWN:
                raise Unanswered(PERHAPS) from None
            self._limit.take_back(interaction.user.id)
            raise Unanswered(NOT_PASSED_ON.filled(report=code_span(text, LONGEST_ECHO))) from None

        async def content() -> Edit:
            return {"content": str(PASSED_ON)}

        await edit_for_good(interaction, content)

    async def _show(self, interaction: Interaction, guide: Guide | None) -> None:
        if acknowledgement(interaction) is None:
            message = interaction.message
            is_theirs = message is not None and message.flags.ephemeral
            await defer(interaction, thinking=not is_theirs, ephemeral=True)
        await self._ids.look()
        page = Help(
            self._guides(),
            menus_of(self._bot.tree),
            self._ids,
            self.backend.status().checkpoints,
            self._bot.report_to,
            interaction.permissions,
        )

        async def content() -> Edit:
            return {"view": page.layout(guide)}

        await edit_for_good(interaction, content)

    def _guides(self) -> dict[str, Guide]:
        return guides_of(self._bot.tree, self._examples)

    def _guide(self, name: str) -> Guide:
        """Return the guide of a command; of its first subcommand if only the command is named.

        Raises:
            InvalidRequest: there is no such command.
        """
        guides = self._guides()
        found = guides.get(name) or next((one for one in guides.values() if one.root == name), None)
        if found is None:
            raise InvalidRequest(UNKNOWN_COMMAND)
        return found

    def _check_reports(self, interaction: Interaction) -> int:
        """Return the channel of reports; raise `GlassboxError` if there is none, or somebody has just reported."""
        if self._bot.report_to.channel is None:
            raise InvalidRequest(NOWHERE)
        self._limit.check(interaction.user.id)
        return self._bot.report_to.channel


setup = Help_.setup
