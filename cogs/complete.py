"""`/complete`: how does code go on?"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.replies.acknowledgement import open_form
from bot.replies.components.autocompletion import MOST_CHOICES
from bot.replies.components.modals import text_form
from bot.replies.delivery import Delivery
from bot.replies.results.complete import CONTINUE, REGENERATE, preview, render
from bot.tasks.code.languages import code_languages
from bot.tasks.complete import CompleteRequest

FORM = "complete"
"""The form's name. Its details are the options: the language, the most new tokens, the temperature."""
MOST_WRITTEN = 4_000
"""Characters that Discord takes in a form."""


def code_form(options: CompleteRequest, *, guess: bool) -> discord.ui.Modal:
    """Asks for code of several lines.

    Args:
        options: a request with any code, whose other options count.
        guess: whether the language is still to be guessed.
    """
    language = "" if guess else options.language
    return text_form(
        FORM,
        f"{language}:{options.max_new_tokens}:{options.temperature}",
        title="Complete code",
        label="The code to go on from",
        placeholder="def fibonacci(n):",
        most=MOST_WRITTEN,
    )


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

        if code is not None:
            await self.go_on(interaction, CompleteRequest(code, language, max_new_tokens, temperature))
            return
        options = CompleteRequest("x", language, max_new_tokens, temperature)  # nobody should write for nothing
        await open_form(interaction, code_form(options, guess=not language))

    async def answer_form(self, interaction: discord.Interaction[Glassbox], options: str, code: str) -> None:
        """The same for what was written into the form, also one that was opened before a restart."""
        language, max_new_tokens, temperature = options.rsplit(":", 2)
        await self.go_on(interaction, CompleteRequest(code, language, int(max_new_tokens), float(temperature)))

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
    bot.handle_form(FORM, cog.answer_form)
    bot.handle(REGENERATE, cog.go_on)
    bot.handle(CONTINUE, cog.go_on)
