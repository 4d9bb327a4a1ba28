"""The pages of `/help`: an overview, and one for each command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.errors import joined, named
from bot.inference.status import CheckpointStatus, Phase
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

ABOUT = (
    "I run language models and show how their answers came about: press **Show the work** under an answer. Choose a "
    "command below to see what it is for, or click its name to use it."
)
TRIED = "-# Try it runs the example for you; only you see the answer."
PHASES: Mapping[Phase, str] = {
    Phase.READY: "ready",
    Phase.FETCHING: "is being downloaded",
    Phase.LOADING: "is being loaded",
    Phase.FAILED: "could not be loaded, and is tried again when it is used",
}


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
        yield discord.ui.TextDisplay(f"## What I can do\n{ABOUT}")
        whole = list(self._lists(with_words=True))
        fits = sum(map(len, whole)) <= LONGEST
        for part in whole if fits else self._lists(with_words=False):
            yield discord.ui.TextDisplay(part)
        if self.menus:
            names = joined(f"**{named(one)}**" for one in self.menus)
            yield discord.ui.TextDisplay(
                f"**On a message** · Right-click it (on a phone, hold it), then Apps: {names}."
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
            example = discord.ui.TextDisplay[discord.ui.LayoutView](f"**Example**\n{code_span(guide.line, 400)}")
            if guide.can_try:
                yield discord.ui.Section(example, accessory=TryButton.of(guide.name))
            else:
                yield example
        facts = [f"**Limits** · {guide.limits}"] if guide.limits else []
        facts += [f"**Answered by** · {_words(one)}" for one in self.checkpoints if guide.root in one.tasks]
        facts += [TRIED] if guide.can_try else []
        if facts:
            yield discord.ui.TextDisplay("\n".join(facts))

    def _menus(self, chosen: Guide | None) -> Iterator[Item]:
        guides = list(self.guides.values())
        name = None if chosen is None else chosen.name
        for part, start in enumerate(range(0, min(len(guides), MOST_MENUS * MOST_OPTIONS), MOST_OPTIONS)):
            yield discord.ui.ActionRow(CommandMenu.of(guides[start : start + MOST_OPTIONS], name, part))

    def _buttons(self, chosen: Guide | None) -> Iterator[Item]:
        if chosen is not None:
            yield HelpButton.of(LOOK, "All commands")
        yield PrivacyButton.of(SHOW)
        if self.report_to.channel is not None:
            yield HelpButton.of(REPORT)
        elif self.report_to.url is not None:
            yield discord.ui.Button(label=REPORT.label, url=self.report_to.url)


def _words(status: CheckpointStatus) -> str:
    state = PHASES.get(status.phase)
    return code_span(status.name, 100) + (f", {state}" if state else ", is loaded when it is used")
