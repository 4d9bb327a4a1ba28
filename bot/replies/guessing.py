"""Questions of `/guess`, with a button for each option, and what the model says, for those who have guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import discord

from bot.inference.requests import Answer, LabelScore
from bot.locales.current import current_locale, written_in
from bot.locales.lists import sentences
from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import whole
from bot.locales.offered import offered
from bot.pictures.wording import as_chip
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component, Item
from bot.replies.formatting.bars import percent
from bot.replies.formatting.text import Keep, escape, fit, quoted, visible
from bot.replies.reply import QUOTE, Colour, Draft, Reply
from bot.replies.work.numbers import CONTINUES
from bot.storage.guesses import GAVE_UP
from bot.tasks.guess import GuessRequest, GuessResult

GUESS = Action("guess", later("Guess"))
"""Its detail is the index of an option, or `GAVE_UP`."""
UP = "up"
LONGEST_LABEL = 80
"""Characters of a button, by Discord."""
# Translators: a button; at most 80 characters.
GIVE_UP = later("Give up: show me")
# Translators: stands in a line of its own, which must not begin with an asterisk.
HOW = later("Each of you guesses once, and the answer opens only for you.")
WRONG_COLOUR = Colour.NEGATIVE
NEXT_TOKEN = later("Which token does the model find the likeliest next one?")
QUESTIONS: Mapping[str, Message] = {
    "sentiment": later("How does this text feel, for the model?"),
    "zeroshot": later("Which label fits this text best, for the model?"),
    "fill": later("Which word does the model put into the blank?"),
    "generate": NEXT_TOKEN,
    "complete": NEXT_TOKEN,
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
        give_up = fit(str(GIVE_UP), LONGEST_LABEL, visible)[0]
        yield GuessButton.of(UP, give_up, discord.ButtonStyle.secondary, request_id)


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
    draft = Draft(Colour.WORK, str(QUESTIONS[request.task]))
    keep = Keep.END if request.is_about_tokens else Keep.START  # what comes next follows the end
    draft.lines = [draft.fit(request.subject, QUOTE, quoted, keep), "", str(HOW)]
    reply = draft.reply("guess", answer, request.subject)
    return replace(reply, pages=GuessButtons(replace(request, options=answer.result.options)))


def tally(request: GuessRequest, counts: Mapping[int, int]) -> str:
    """Say how many people have guessed, and how many were right, but not what."""
    guessed = sum(people for chosen, people in counts.items() if chosen != GAVE_UP)
    gave_up = counts.get(GAVE_UP, 0)
    right = counts.get(request.right, 0)
    said = (
        plural(
            "{number} person has guessed, {right} of them right.",
            "{number} people have guessed, {right} of them right.",
            guessed,
            number=whole(guessed),
            right=whole(right),
        )
        if guessed
        else _("Nobody has guessed yet.")
    )
    if not gave_up:
        return said
    others = plural("{number} gave up.", "{number} gave up.", gave_up, number=whole(gave_up))
    return sentences(said, others)


def counted(embed: discord.Embed, request: GuessRequest, counts: Mapping[int, int]) -> discord.Embed:
    """Return the question's embed with how many people have guessed, in the language of the question."""
    shown = embed.copy()
    lines = (shown.description or "").split("\n")
    asked_in = _languages_of_questions()
    places = [place for place, line in enumerate(lines) if line in asked_in]
    how = places[-1] if places else len(lines)  # of a version with other words, the whole is kept
    locale = asked_in[lines[how]] if places else current_locale()
    with written_in(locale):
        shown.description = "\n".join([*lines[:how], str(HOW), f"*{tally(request, counts)}*"])
    return shown


def _languages_of_questions() -> Mapping[str, str]:
    """Return which locale a question is in, by its line about how to guess."""
    found: dict[str, str] = {}
    for locale in offered():
        with written_in(locale):
            found.setdefault(str(HOW), locale)
    return found


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
    draft.title = _verdict(chosen, fit(option_text(request, right), 200)[0], is_right=is_right)
    ranked = sorted(options, key=lambda one: -one.probability)
    bars = draft.bars([LabelScore(option_text(request, one), one.probability) for one in ranked], bold=1)
    draft.lines = [draft.fit(request.subject, QUOTE, quoted), "", bars, ""]
    # Translators: {probability} is such as "83.1 %".
    sure = _("The model is {probability} sure of “{option}”.", probability=percent(right.probability), option=said)
    draft.lines.append(sure)
    if not is_right and chosen != GAVE_UP:
        mine = options[chosen]
        guess, probability = escape(option_text(request, mine)), percent(mine.probability)
        # Translators: what somebody has guessed, and its probability, such as "83.1 %".
        draft.lines.append(_("You said “{option}”, which has {probability}.", option=guess, probability=probability))
    if request.is_about_tokens or request.task == "fill":
        rest = max(0.0, 1 - sum(one.probability for one in options))
        # Translators: the probability of all words that were not among the answers to choose from.
        draft.lines.append(_("All that was not offered has {probability} together.", probability=percent(rest)))
    if again:
        note = _("You have guessed before, and that counts.")
        draft.lines.append(f"*{note}*")
    embed = discord.Embed(title=draft.title, description="\n".join(draft.lines), colour=draft.colour)
    return embed.set_author(name=f"/{request.task}")


def _verdict(chosen: int, answer: str, *, is_right: bool) -> str:
    if chosen == GAVE_UP:
        return _("The model says: {answer}", answer=answer)
    if is_right:
        # Translators: to somebody who has guessed right.
        return _("Right, the model says: {answer}", answer=answer)
    # Translators: to somebody who has guessed something else.
    return _("Not this time, the model says: {answer}", answer=answer)
