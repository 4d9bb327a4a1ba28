"""Questions of `/guess`, with a button for each option, and what the model says, for those who have guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import discord

from bot.inference.requests import Answer, LabelScore
from bot.pictures.wording import as_chip
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component, Item
from bot.replies.formatting.bars import percent
from bot.replies.formatting.text import Keep, escape, fit, quoted, visible
from bot.replies.reply import QUOTE, Colour, Draft, Reply
from bot.replies.work.numbers import CONTINUES
from bot.storage.guesses import GAVE_UP
from bot.tasks.guess import GuessRequest, GuessResult

GUESS = Action("guess", "Guess")
"""Its detail is the index of an option, or `GAVE_UP`."""
UP = "up"
LONGEST_LABEL = 80
"""Characters of a button, by Discord."""
GIVE_UP = "Give up: show me"
HOW = "Each of you guesses once, and the answer opens only for you."
WRONG_COLOUR = Colour.NEGATIVE
QUESTIONS: Mapping[str, str] = {
    "sentiment": "How does this text feel, for the model?",
    "zeroshot": "Which label fits this text best, for the model?",
    "fill": "Which word does the model put into the blank?",
    "generate": "Which token does the model find the likeliest next one?",
    "complete": "Which token does the model find the likeliest next one?",
}


@dataclass(frozen=True)
class GuessButtons:
    """A button for each option of a question, and one to give up."""

    request: GuessRequest

    def items(self, request_id: str) -> Iterator[Item]:
        """Yield the buttons."""
        for index, option in enumerate(self.request.options):
            label = fit(option_text(self.request, option), LONGEST_LABEL, visible)[0]
            yield GuessButton.of(str(index), label, discord.ButtonStyle.primary, request_id)
        yield GuessButton.of(UP, GIVE_UP, discord.ButtonStyle.secondary, request_id)


class GuessButton(
    Component[discord.ui.Button[discord.ui.View]],
    template=rf"glassbox-guess:(?P<choice>\d{{1,2}}|{UP}):(?P<request_id>[\w-]+)",
):
    """One of the buttons."""

    action = GUESS.name

    @classmethod
    def of(cls, choice: str, label: str, style: discord.ButtonStyle, request_id: str) -> GuessButton:
        """Make the button."""
        return cls(discord.ui.Button(label=label, style=style, custom_id=f"glassbox-guess:{choice}:{request_id}"))

    @property
    def detail(self) -> int:
        return GAVE_UP if self.fields["choice"] == UP else int(self.fields["choice"])


def option_text(request: GuessRequest, option: LabelScore) -> str:
    """Write an option. A token that begins a word stands alone, and one that continues a word has a mark."""
    text = option.label
    if not request.is_about_tokens:
        return as_chip(text)
    if len(text) > 1 and text[0] == " ":
        return as_chip(text[1:])
    return as_chip(text) if text[:1].isspace() else CONTINUES + as_chip(text)


def render(request: GuessRequest, answer: Answer[GuessResult]) -> Reply:
    """Render the question, which says nothing of the answer."""
    draft = Draft(Colour.WORK, QUESTIONS[request.task])
    keep = Keep.END if request.is_about_tokens else Keep.START  # what comes next follows the end
    draft.lines = [draft.fit(request.subject, QUOTE, quoted, keep), "", HOW]
    reply = draft.reply("guess", answer, request.subject)
    return replace(reply, pages=GuessButtons(replace(request, options=answer.result.options)))


def tally(request: GuessRequest, counts: Mapping[int, int]) -> str:
    """Say how many people have guessed, and how many were right, but not what."""
    guessed = sum(people for chosen, people in counts.items() if chosen != GAVE_UP)
    gave_up = counts.get(GAVE_UP, 0)
    right = counts.get(request.right, 0)
    who = "1 person has" if guessed == 1 else f"{guessed:,} people have"
    said = f"{who} guessed, {right:,} of them right." if guessed else "Nobody has guessed yet."
    return f"{said} {gave_up:,} gave up." if gave_up else said


def counted(embed: discord.Embed, request: GuessRequest, counts: Mapping[int, int]) -> discord.Embed:
    """Return the question's embed with how many people have guessed."""
    shown = embed.copy()
    kept, _, _ = (shown.description or "").partition(f"\n{HOW}")
    shown.description = f"{kept}\n{HOW}\n*{tally(request, counts)}*"
    return shown


def revealed(request: GuessRequest, chosen: int, *, again: bool) -> discord.Embed:
    """Render what the model says, for somebody who has guessed or given up.

    Args:
        chosen: the index of their option, or `GAVE_UP`.
        again: they have chosen it before, and it stays.
    """
    options, right = request.options, request.options[request.right]
    is_right = chosen == request.right
    draft = Draft(Colour.POSITIVE if is_right else Colour.WORK if chosen == GAVE_UP else WRONG_COLOUR)
    said = escape(option_text(request, right))
    draft.title = f"{_verdict(chosen, is_right=is_right)}: {fit(option_text(request, right), 200)[0]}"
    ranked = sorted(options, key=lambda one: -one.probability)
    bars = draft.bars([LabelScore(option_text(request, one), one.probability) for one in ranked], bold=1)
    draft.lines = [draft.fit(request.subject, QUOTE, quoted), "", bars, ""]
    draft.lines.append(f"The model is {percent(right.probability)} sure of “{said}”.")
    if not is_right and chosen != GAVE_UP:
        mine = options[chosen]
        draft.lines.append(f"You said “{escape(option_text(request, mine))}”, which has {percent(mine.probability)}.")
    if request.is_about_tokens or request.task == "fill":
        rest = max(0.0, 1 - sum(one.probability for one in options))
        draft.lines.append(f"All that was not offered has {percent(rest)} together.")
    if again:
        draft.lines.append("*You have guessed before, and that counts.*")
    embed = discord.Embed(title=draft.title, description="\n".join(draft.lines), colour=draft.colour)
    return embed.set_author(name=f"/{request.task}")


def _verdict(chosen: int, *, is_right: bool) -> str:
    if chosen == GAVE_UP:
        return "The model says"
    return "Right, the model says" if is_right else "Not this time, the model says"
