"""The page about how much people may ask."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.errors import InvalidRequest
from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, Menu, Option, roles, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.quotas import PERIODS, Quota

NONE, AS_EVERYBODY = "none", "everybody"
ANSWERS = (1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000)
MOST_ROLES = 100


class QuotasPage(TopicPage):
    """Quotas of members, and of those with a role."""

    name = "quotas"
    title = "Quotas"
    about = "How many answers each member may have. Opening an answer with Show the work is free."
    looks = frozenset({"role"})

    def items(self, shown: Shown) -> Iterator[Item]:
        now = shown.settings.quotas
        yield text(f"**Every member:** {now.everybody or 'no quota'}\n{from_here(now.everybody is not None)}")
        yield from self._menus("", now.everybody, [Option(NONE, "No quota")], NONE)
        listed = "\n".join(
            f"- <@&{role}>: {quota or 'no quota'}" for role, quota in now.roles.items() if shown.guild.get_role(role)
        )
        yield text(
            "### Roles\nMembers with a role can have another quota; of several roles, the most generous one counts."
            f"\n{listed}"[:2_000]
        )
        focus = _role(shown)
        yield roles(
            self.field("role"), [] if focus is None else [focus], "Choose a role to see and change its quota", 1
        )
        if focus is not None:
            own = now.roles.get(focus)
            yield text(f"**<@&{focus}>:** {own or 'no quota' if focus in now.roles else 'as everybody'}")
            first = [Option(AS_EVERYBODY, "As everybody"), Option(NONE, "No quota")]
            yield from self._menus(str(focus), own, first, NONE if focus in now.roles else AS_EVERYBODY)

    def change(self, choice: Choice, shown: Shown) -> Change:
        name, value, focus = choice.field.name, choice.value, _role(shown)
        if name not in ("answers", "period") or (shown.focus and focus is None):
            raise OutdatedPage
        if value in (NONE, AS_EVERYBODY) and name == "answers":
            return partial(_without, focus, value == NONE)
        if not value.isdecimal() or int(value) not in (ANSWERS if name == "answers" else PERIODS):
            raise OutdatedPage
        return partial(_with, focus, name, int(value))

    def _menus(self, focus: str, quota: Quota | None, first: list[Option], unset: str) -> Iterator[Item]:
        options = [
            *first,
            *(Option(str(number), f"{number:,} answers" if number > 1 else "1 answer") for number in ANSWERS),
        ]
        chosen = unset if quota is None else str(quota.answers)
        if chosen not in {option.value for option in options}:
            options.append(Option(chosen, f"{chosen} answers"))
        yield Menu(self.field("answers", focus), options, [chosen]).row()
        if quota is not None:
            periods = [Option(str(seconds), f"in {period}") for seconds, period in PERIODS.items()]
            yield Menu(self.field("period", focus), periods, [str(quota.seconds)]).row()


def _role(shown: Shown) -> int | None:
    """Return the role that the page is about, if there is one."""
    focus = shown.focus
    return int(focus) if focus.isdecimal() and shown.guild.get_role(int(focus)) is not None else None


def _with(role: int | None, name: str, value: int, now: ServerSettings) -> ServerSettings:
    quotas = now.quotas
    known = (quotas.everybody if role is None else quotas.roles.get(role)) or Quota(answers=ANSWERS[6])
    quota = known.model_copy(update={"answers" if name == "answers" else "seconds": value})
    return _set(now, role, quota)


def _without(role: int | None, is_unlimited: bool, now: ServerSettings) -> ServerSettings:
    if is_unlimited:
        return _set(now, role, None)
    others = {one: quota for one, quota in now.quotas.roles.items() if one != role}
    return replaced(now, "quotas", now.quotas, roles=others)


def _set(now: ServerSettings, role: int | None, quota: Quota | None) -> ServerSettings:
    if role is None:
        return replaced(now, "quotas", now.quotas, everybody=quota)
    changed = {**now.quotas.roles, role: quota}
    if len(changed) > MOST_ROLES:
        raise InvalidRequest(f"{MOST_ROLES} roles can have quotas. Set another one to “As everybody” first.")
    return replaced(now, "quotas", now.quotas, roles=changed)
