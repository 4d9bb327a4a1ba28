"""The buttons of `/privacy`, and its modal. They hold no id of a person: whoever presses acts for themselves only."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.locales.message import _, later
from bot.replies.components.buttons import Action
from bot.replies.components.labelled import labelled
from bot.replies.components.modals import PREFIX
from bot.replies.components.press import Component
from bot.storage.opt_outs import ReadAlong

# Translators: a button that shows what I keep about a person.
SHOW = Action("privacy", later("Privacy"))
"""Shows the page to the one who presses."""
# Translators: a button that sends what I keep about a person as a file.
EXPORT = Action("privacy-export", later("Export"))
# Translators: a button; it asks first whether the person is sure.
ASK_TO_ERASE = Action("privacy-ask-to-erase", later("Delete everything …"), discord.ButtonStyle.danger)
# Translators: the title of a modal; at most 45 characters.
ERASE = Action("privacy-erase", later("Delete everything"))
"""Its detail is a `Submission`."""
# Translators: a button: from now on I leave out what this person writes.
OPT_OUT = Action("privacy-opt-out", later("Opt out"))
"""Its detail is a `Wish`."""

SURE, FORGET_CHOICES = "sure", "choices"
"""The custom ids of the modal's checkboxes."""

Button = discord.ui.Button[discord.ui.LayoutView]


@dataclass(frozen=True)
class Wish:
    """What somebody wants to opt out of, or in again."""

    what: ReadAlong
    out: bool


class PrivacyButton(Component[Button], template=r"glassbox-(?P<action>privacy-export|privacy-ask-to-erase|privacy)"):
    """A button that shows the page, or does something with what is kept."""

    def __init__(self, button: Button) -> None:
        super().__init__(button)
        self.action = self.fields["action"]

    @classmethod
    def of(cls, action: Action) -> PrivacyButton:
        """Make the button of an action."""
        return cls(discord.ui.Button(label=action.label, style=action.style, custom_id=f"{PREFIX}{action.name}"))


class OptOutButton(
    Component[Button],
    template=rf"glassbox-privacy-opt-out:(?P<what>{'|'.join(one.name for one in ReadAlong)}):(?P<way>out|in)",
):
    """A button that opts somebody out, or in again."""

    action = OPT_OUT.name

    @classmethod
    def of(cls, what: ReadAlong, is_out: bool) -> OptOutButton:
        """Make the button that changes how it is now."""
        style = discord.ButtonStyle.success if is_out else discord.ButtonStyle.secondary
        custom_id = f"{PREFIX}{OPT_OUT.name}:{what.name}:{'in' if is_out else 'out'}"
        # Translators: a button that undoes "Opt out".
        label = _("Opt in again") if is_out else OPT_OUT.label
        return cls(discord.ui.Button(label=label, style=style, custom_id=custom_id))

    @property
    def detail(self) -> Wish:
        return Wish(ReadAlong[self.fields["what"]], self.fields["way"] == "out")


def erase_modal() -> discord.ui.Modal:
    """Make the modal that asks whether somebody is sure."""
    modal = discord.ui.Modal(title=ERASE.title, custom_id=f"{PREFIX}{ERASE.name}:")
    modal.add_item(
        discord.ui.TextDisplay(
            _(
                "Everything that /privacy has listed goes at once, and can't be brought back. Texts that are being "
                "written for you end. The buttons under your answers then have nothing to work with."
            )
        )
    )
    sure: discord.ui.Checkbox[discord.ui.View] = discord.ui.Checkbox(custom_id=SURE)
    # Translators: the label of a checkbox; at most 45 characters.
    modal.add_item(labelled(sure, _("Delete everything about me")))
    choices: discord.ui.Checkbox[discord.ui.View] = discord.ui.Checkbox(custom_id=FORGET_CHOICES)
    modal.add_item(
        labelled(
            choices,
            # Translators: the label of a checkbox: what I note about "Opt out" is deleted too; at most 45 characters.
            _("My opt-outs too"),
            # Translators: explains the checkbox; at most 100 characters.
            _("Then I may read along again, because I no longer know that you don't want it."),
        )
    )
    modal.stop()  # otherwise discord.py keeps it until it is submitted
    return modal
