"""`/complete`: how does code go on?"""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import _, later
from bot.replies.acknowledgement import send_modal
from bot.replies.checkpoints import choosing
from bot.replies.components.autocompletion import MOST_CHOICES
from bot.replies.components.buttons import Action
from bot.replies.components.modals import Submission, text_modal
from bot.replies.components.press import Press
from bot.replies.results.complete import CONTINUE, REGENERATE, preview, render
from bot.replies.sharing import still_shareable
from bot.tasks.code.languages import code_languages
from bot.tasks.complete import CompleteRequest

MODAL = Action("complete", later("Complete code"))
"""Its options are the language, the most new tokens, the temperature, and perhaps a checkpoint."""
NOT_OFFERED = later("This form is not one that I have shown you. Please use `/complete` again.")
MOST_OF_A_NAME = 40
"""Characters of a checkpoint's name in a custom id, which has 100; a part of a name is enough to find it."""
MOST_WRITTEN = 4_000
"""Characters that Discord accepts in a modal."""


def code_modal(options: CompleteRequest, *, guess: bool) -> discord.ui.Modal:
    """Make a modal for code of several lines. It keeps the options of a request, whose code doesn't matter.

    Args:
        guess: whether the language is still to be guessed.
    """
    language = "" if guess else options.language
    return text_modal(
        MODAL,
        f"{language}:{options.max_new_tokens}:{options.temperature}:{(options.checkpoint or '')[:MOST_OF_A_NAME]}",
        label=_("The code to continue"),
        placeholder="def fibonacci(n):",
        most=MOST_WRITTEN,
    )


class Complete(Cog):
    """`/complete`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.handle(MODAL, self.submit, feature="complete", modal=True)
        bot.handle(REGENERATE, self.go_on, kept=CompleteRequest)
        bot.handle(CONTINUE, self.go_on, kept=CompleteRequest)

    @app_commands.command()
    @app_commands.describe(
        code="The code to continue, such as: def fibonacci(n): (if left out, a form opens)",
        language="Its programming language (guessed if left out)",
        max_new_tokens="How many tokens at most (about 10 for a line), 1 to 512 (160 if left out)",
        temperature="0 always takes the likeliest token, above 1 gets wild; up to 2 (0.2 if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def complete(
        self,
        interaction: Interaction,
        code: str | None = None,
        language: str = CompleteRequest.language,
        max_new_tokens: int = CompleteRequest.max_new_tokens,
        temperature: float = CompleteRequest.temperature,
        checkpoint: Checkpoint = None,
    ) -> None:
        """How does this code continue? A completion in its language"""
        name = await self.delivery.checkpoints.name(interaction, "complete", checkpoint)
        if code is not None:
            request = CompleteRequest(code, language, max_new_tokens, temperature, checkpoint=name)
            await self._answer(interaction, request)
            return
        # Refuses invalid options.
        options = CompleteRequest("x", language, max_new_tokens, temperature, checkpoint=name)
        await send_modal(interaction, code_modal(options, guess=not language))

    async def submit(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Complete the code in a modal."""
        await self._answer(interaction, _submitted(press.detail))

    async def go_on(self, interaction: Interaction, press: Press[CompleteRequest, None]) -> None:
        """Complete the code again, or go on from a completion."""
        shown = still_shareable(interaction, render)
        await self.delivery.answer(interaction, press.request, shown, preview)

    @complete.autocomplete("language")
    async def languages(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        found = code_languages(typed)[:MOST_CHOICES]
        return [app_commands.Choice(name=language.name, value=language.code) for language in found]

    async def _answer(self, interaction: Interaction, request: CompleteRequest) -> None:
        await self.delivery.answer(interaction, request, render, preview)


def _submitted(submission: Submission) -> CompleteRequest:
    """Return the request in a submitted modal, whose options come from outside; may raise `InvalidRequest`."""
    try:
        language, max_new_tokens, temperature, *chosen = submission.options.split(":", 3)
        numbers = int(max_new_tokens), float(temperature)
    except ValueError:
        raise InvalidRequest(NOT_OFFERED) from None
    request = CompleteRequest(submission.text, language, *numbers)
    return replace(request, checkpoint="".join(chosen) or None)


setup = Complete.setup
