"""The page about how much people may ask."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.errors import InvalidRequest
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.locales.values import later_whole
from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, Menu, Option, roles, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.quotas import DAY, HOUR, PERIODS, WEEK, Quota

NONE, AS_EVERYBODY = "none", "everybody"
ANSWERS = (1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000)
MOST_ROLES = 100
# Translators: an option of a menu of quotas.
WITHOUT = later("No quota")
# Translators: a heading above the quotas of roles.
ROLES = later("Roles")
IN_PERIODS = {
    # Translators: the period of a quota, chosen beside the number of answers.
    HOUR: later("in an hour"),
    # Translators: the period of a quota.
    DAY: later("in a day"),
    # Translators: the period of a quota.
    WEEK: later("in a week"),
}


class QuotasPage(TopicPage):
    """Quotas of members, and of those with a role."""

    name = "quotas"
    # Translators: a topic of /settings: how much members may ask.
    title = later("Quotas")
    # Translators: what is set on the page "Quotas"; at most 100 characters.
    about = later("How many answers each member may have. Opening an answer with Show the work is free.")
    looks = frozenset({"role"})

    def items(self, shown: Shown) -> Iterator[Item]:
        now = shown.settings.quotas
        # Translators: {quota} is such as "20 answers an hour".
        everybody = _("**Every member:** {quota}", quota=_of(now.everybody))
        yield text(f"{everybody}\n{from_here(now.everybody is not None)}")
        yield from self._menus("", now.everybody, [Option(NONE, WITHOUT)], NONE)
        yield text(_about_roles(shown))
        focus = _role(shown)
        # Translators: the placeholder of a menu of roles.
        hint = _("Choose a role to see and change its quota")
        yield roles(self.field("role"), [] if focus is None else [focus], hint, 1)
        if focus is not None:
            own = now.roles.get(focus)
            # Translators: the quota of a role.
            quota = _of(own) if focus in now.roles else _("as everybody")
            yield text(f"**<@&{focus}>:** {quota}")
            # Translators: an option of a menu of quotas for a role.
            first = [Option(AS_EVERYBODY, _("As everybody")), Option(NONE, WITHOUT)]
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
            *(Option(str(number), _answers(number)) for number in ANSWERS),
        ]
        chosen = unset if quota is None else str(quota.answers)
        if chosen not in {option.value for option in options}:
            options.append(Option(chosen, _answers(int(chosen))))
        yield Menu(self.field("answers", focus), options, [chosen]).row()
        if quota is not None:
            periods = [Option(str(seconds), IN_PERIODS[seconds]) for seconds in PERIODS]
            yield Menu(self.field("period", focus), periods, [str(quota.seconds)]).row()


def _of(quota: Quota | None) -> str:
    # Translators: in place of a quota such as "20 answers an hour".
    return _("no quota") if quota is None else str(quota)


def _answers(number: int) -> str:
    return plural("{number} answer", "{number} answers", number, number=whole(number))


def _about_roles(shown: Shown) -> str:
    about = _("Members with a role can have another quota; of several roles, the most generous one counts.")
    quotas = shown.settings.quotas.roles.items()
    listed = [f"- <@&{role}>: {_of(quota)}" for role, quota in quotas if shown.guild.get_role(role)]
    return "\n".join([f"### {ROLES}", about, *listed])[:2_000]


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
        raise InvalidRequest(
            later(
                "{number} roles can have quotas. Set another one to “As everybody” first.",
                number=later_whole(MOST_ROLES),
            )
        )
    return replaced(now, "quotas", now.quotas, roles=changed)
