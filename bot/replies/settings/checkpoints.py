"""The page about the checkpoints that members may choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bot.errors import named
from bot.locales.message import _, in_context, later, plural
from bot.locales.numbers import whole
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.components.press import Item
from bot.replies.settings.controls import ON, Choice, Menu, Option, small, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings

MOST_MENUS = 3
NONE_OFFERED = later("There is nothing to choose from: whoever runs this bot offers one checkpoint for each command.")
# Translators: where the value of a setting comes from.
OFFERED = later("Offered by whoever runs this bot")


class CheckpointsPage(TopicPage):
    """Which checkpoints there are to choose from."""

    name = "checkpoints"
    # Translators: a topic of /settings: which models members may choose.
    title = later("Checkpoints")
    # Translators: what is set on the page "Checkpoints"; at most 100 characters.
    about = later("Which models members may choose, for a command and to compare them with /compare.")

    def items(self, shown: Shown) -> Iterator[Item]:
        offered, allowed = shown.operator.checkpoints, shown.settings.checkpoints.allowed
        if not offered:
            yield text(NONE_OFFERED)
            return
        origin = from_here(allowed is not None, OFFERED)
        yield toggle(self.field("all"), allowed is None, f"{_effect(allowed)}\n{origin}")
        for number, part in enumerate(_parts(offered)):
            chosen = part if allowed is None else tuple(name for name in part if name in allowed)
            options = [Option(name, named(name), offered[name]) for name in part]
            field = self.field("allowed", str(number))
            # Translators: the placeholder of a menu of checkpoints in which none is chosen.
            placeholder = in_context("checkpoints", "None of these")
            yield Menu(field, options, chosen, placeholder, most=len(options), least=0).row()
        yield small(_("The checkpoint that a command usually uses may always be used."))

    def change(self, choice: Choice, shown: Shown) -> Change:
        offered = shown.operator.checkpoints
        match choice.field.name, choice.value:
            case "all", (("on" | "off") as value):
                return partial(_with, None if value == ON else tuple(offered))
            case "allowed", _ if set(choice.values) <= set(offered):
                parts = dict(enumerate(_parts(offered)))
                if not shown.focus.isdecimal() or int(shown.focus) not in parts:
                    raise OutdatedPage
                return partial(_with_part, tuple(offered), parts[int(shown.focus)], frozenset(choice.values))
            case _:
                raise OutdatedPage


def _parts(offered: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the names of checkpoints, as many to a menu as fit."""
    names = tuple(offered)
    return [names[start : start + MOST_OPTIONS] for start in range(0, len(names), MOST_OPTIONS)][:MOST_MENUS]


def _effect(allowed: tuple[str, ...] | None) -> str:
    if allowed is None:
        return _("**All checkpoints**: members may choose all that are offered.")
    if not allowed:
        return _("**All checkpoints**: members may choose none but the usual ones.")
    return plural(
        "**All checkpoints**: members may choose {number} of them.",
        "**All checkpoints**: members may choose {number} of them.",
        len(allowed),
        number=whole(len(allowed)),
    )


def _with_part(
    offered: tuple[str, ...], part: tuple[str, ...], chosen: frozenset[str], now: ServerSettings
) -> ServerSettings:
    """Replace what one menu has shown. The names that it does not show stay as they are."""
    before = offered if now.checkpoints.allowed is None else now.checkpoints.allowed
    kept = tuple(name for name in before if name not in part)
    allowed = (*kept, *(name for name in part if name in chosen))
    return _with(None if set(allowed) >= set(offered) else allowed, now)


def _with(allowed: tuple[str, ...] | None, now: ServerSettings) -> ServerSettings:
    return replaced(now, "checkpoints", now.checkpoints, allowed=allowed)
