"""The pages of `/help`: an overview, and one for each command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.errors import named
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.lists import enumerated, joined
from bot.locales.message import Message, _, later
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.components.press import Item
from bot.replies.formatting.text import code_span
from bot.replies.help.command_ids import CommandIds
from bot.replies.help.controls import LOOK, REPORT, CommandMenu, HelpButton, TryButton
from bot.replies.help.guide import Guide, Kind
from bot.replies.privacy.controls import SHOW, PrivacyButton
from bot.reports import ReportTo

ACCENT = discord.Colour(0x3E9C9C)
LONGEST = 3_200
"""Characters of the list of commands; a message with a layout has 4,000 in all."""
MOST_MENUS = 3

ABOUT = later(
    "I run language models and show how their answers came about: press **Show the work** under an answer. Choose a "
    "command below to see what it is for, or click its name to use it."
)
# Translators: explains the button "Try it".
TRIED = later("Try it runs the example for you; only you see the answer.")
PHASES: Mapping[Phase, Message] = {
    # Translators: the state of a checkpoint, after its name and a comma.
    Phase.READY: later("ready"),
    # Translators: the state of a checkpoint, after its name and a comma.
    Phase.FETCHING: later("is being downloaded"),
    # Translators: the state of a checkpoint, after its name and a comma.
    Phase.LOADING: later("is being loaded"),
    # Translators: the state of a checkpoint, after its name and a comma.
    Phase.FAILED: later("could not be loaded, and is tried again when it is used"),
}
# Translators: the state of a checkpoint, after its name and a comma.
ELSE = later("is loaded when it is used")


@dataclass(frozen=True)
class Help:
    """What the pages are made of.

    Attributes:
        guides: by the names of the commands.
        menus: the names of the commands in the menus of messages.
        checkpoints: as far as they are known, whether they are loaded or not.
        permissions: of the reader, where they are.
    """

    guides: Mapping[str, Guide]
    menus: Sequence[str]
    ids: CommandIds
    checkpoints: Sequence[CheckpointStatus]
    report_to: ReportTo
    permissions: discord.Permissions

    def layout(self, chosen: Guide | None = None) -> discord.ui.LayoutView:
        """Make the message: about one command, or an overview."""
        container: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(accent_colour=ACCENT)
        for item in self._overview() if chosen is None else self._about(chosen):
            container.add_item(item)
        container.add_item(discord.ui.Separator())
        for row in self._menus(chosen):
            container.add_item(row)
        container.add_item(discord.ui.ActionRow(*self._buttons(chosen)))
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(container)
        view.stop()  # components are found by their custom ids
        return view

    def _overview(self) -> Iterator[Item]:
        heading = _("What I can do")
        yield discord.ui.TextDisplay(f"## {heading}\n{ABOUT}")
        whole = list(self._lists(with_words=True))
        fits = sum(map(len, whole)) <= LONGEST
        for part in whole if fits else self._lists(with_words=False):
            yield discord.ui.TextDisplay(part)
        if self.menus:
            names = joined(f"**{named(one)}**" for one in self.menus)
            yield discord.ui.TextDisplay(
                # Translators: {names} are such as "Translate and Sentiment". "Apps" is an entry of Discord's menu.
                _("**On a message** · Right-click it (on a phone, hold it), then Apps: {names}.", names=names)
            )

    def _lists(self, *, with_words: bool) -> Iterator[str]:
        """Yield a list for each kind of commands."""
        for kind in Kind:
            some = [one for one in self.guides.values() if one.kind is kind]
            if some and with_words:
                yield "\n".join([f"### {kind.heading}", *(f"- {self._named(one)} {one.about}" for one in some)])
            elif some:
                yield f"**{kind.heading}** · " + " ".join(self._named(one) for one in some)

    def _named(self, guide: Guide) -> str:
        """Return a command's name, to click on if the reader may use it."""
        needed = guide.permissions
        if needed is not None and not needed.value:  # of a command that only administrators see
            needed = discord.Permissions(administrator=True)
        may = needed is None or needed <= self.permissions
        return self.ids.mention(guide.name) if may else f"`/{guide.name}`"

    def _about(self, guide: Guide) -> Iterator[Item]:
        yield discord.ui.TextDisplay(f"## {self._named(guide)}\n{guide.about}")
        if guide.options:
            yield discord.ui.TextDisplay("\n".join(f"- `{name}` {about}" for name, about in guide.options))
        if guide.example or guide.can_try:
            # Translators: a heading.
            heading = _("Example")
            example = discord.ui.TextDisplay[discord.ui.LayoutView](f"**{heading}**\n{code_span(guide.line, 400)}")
            if guide.can_try:
                yield discord.ui.Section(example, accessory=TryButton.of(guide.name))
            else:
                yield example
        facts = [_("**Limits** · {limits}", limits=guide.limits)] if guide.limits else []
        answering = [_words(one) for one in self.checkpoints if guide.root in one.tasks]
        # Translators: {checkpoint} is the name of a checkpoint and its state.
        facts += [_("**Answered by** · {checkpoint}", checkpoint=one) for one in answering]
        facts += [f"-# {TRIED}"] if guide.can_try else []
        if facts:
            yield discord.ui.TextDisplay("\n".join(facts))

    def _menus(self, chosen: Guide | None) -> Iterator[Item]:
        guides = list(self.guides.values())
        name = None if chosen is None else chosen.name
        for part, start in enumerate(range(0, min(len(guides), MOST_MENUS * MOST_OPTIONS), MOST_OPTIONS)):
            yield discord.ui.ActionRow(CommandMenu.of(guides[start : start + MOST_OPTIONS], name, part))

    def _buttons(self, chosen: Guide | None) -> Iterator[Item]:
        if chosen is not None:
            # Translators: a button to the list of all commands.
            yield HelpButton.of(LOOK, _("All commands"))
        yield PrivacyButton.of(SHOW)
        if self.report_to.channel is not None:
            yield HelpButton.of(REPORT)
        elif self.report_to.url is not None:
            yield discord.ui.Button(label=REPORT.label, url=self.report_to.url)


def _words(status: CheckpointStatus) -> str:
    return enumerated([code_span(status.name, 100), str(PHASES.get(status.phase, ELSE))])
