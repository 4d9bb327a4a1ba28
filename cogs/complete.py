"""`/complete`: how does code go on?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox, tell_failure
from bot.replies.choices import MOST_CHOICES
from bot.replies.complete import CONTINUE, REGENERATE, preview, render
from bot.replies.delivery import Delivery
from bot.tasks.code_languages import code_languages
from bot.tasks.complete import CompleteRequest

MODAL_SECONDS = 15 * 60.0
"""How long somebody may write: the client knows of the dialog as long."""
MOST_WRITTEN = 4_000
"""Characters that Discord takes in a dialog."""

Write = Callable[[discord.Interaction[Glassbox], str], Awaitable[None]]


class CodeDialog(discord.ui.Modal):
    """Asks for code of several lines, which an option cannot hold."""

    def __init__(self, write: Write) -> None:
        super().__init__(title="Complete code", timeout=MODAL_SECONDS)
        self._write = write
        self._code: discord.ui.TextInput[CodeDialog] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, max_length=MOST_WRITTEN, placeholder="def fibonacci(n):"
        )
        self.add_item(discord.ui.Label(text="The code to go on from", component=self._code))

    async def on_submit(self, interaction: discord.Interaction[Glassbox], /) -> None:  # type: ignore[override]
        await self._write(interaction, self._code.value)

    async def on_error(self, interaction: discord.Interaction[Glassbox], error: Exception, /) -> None:  # type: ignore[override]
        await tell_failure(interaction, "/complete", error)


class Complete(commands.Cog):
    """`/complete`."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @app_commands.command()
    @app_commands.describe(
        code="The code to go on from, for example: def fibonacci(n): (left out, a field for several lines opens)",
        language="Its programming language (guessed if left out)",
        max_new_tokens="How much may be written, in tokens (about 10 for a line), 1 to 512 (160 if left out)",
        temperature="0 always takes the likeliest token, above 1 gets wild, to 2 (0.2 if left out)",
    )
    async def complete(
        self,
        interaction: discord.Interaction[Glassbox],
        code: str | None = None,
        language: str = CompleteRequest.language,
        max_new_tokens: int = CompleteRequest.max_new_tokens,
        temperature: float = CompleteRequest.temperature,
    ) -> None:
        """How does code go on? A completion in its language"""

        async def write(interaction: discord.Interaction[Glassbox], code: str) -> None:
            await self.go_on(interaction, CompleteRequest(code, language, max_new_tokens, temperature))

        if code is not None:
            await write(interaction, code)
            return
        CompleteRequest("x", language, max_new_tokens, temperature)  # nobody should write for nothing
        await interaction.response.send_modal(CodeDialog(write))

    @complete.autocomplete("language")
    async def languages(self, interaction: discord.Interaction[Glassbox], typed: str) -> list[app_commands.Choice[str]]:
        found = code_languages(typed)[:MOST_CHOICES]
        return [app_commands.Choice(name=language.name, value=language.code) for language in found]

    async def go_on(self, interaction: discord.Interaction[Glassbox], request: CompleteRequest) -> None:
        """Answer a request, showing the code as it is written."""
        await self.delivery.answer(interaction, request, render, preview)


async def setup(bot: Glassbox) -> None:
    cog = Complete(bot.delivery)
    await bot.add_cog(cog)
    bot.handle(REGENERATE, cog.go_on)
    bot.handle(CONTINUE, cog.go_on)
