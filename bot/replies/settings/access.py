"""The page about who may use what, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import discord

from bot.errors import InvalidRequest
from bot.locales.message import _, in_context, later
from bot.locales.values import later_whole
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.components.press import Item
from bot.replies.settings.access_wording import (
    ALLOWED,
    CHANNELS,
    DEFAULT,
    LABELS,
    NAMES,
    NATIVE,
    OTHERS_LABELS,
    PROHIBITED,
    ROLES_AND_MEMBERS,
    UNSET,
    reason,
)
from bot.replies.settings.controls import Choice, Menu, Option, channels, members, roles, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, replaced
from bot.servers.access import decide
from bot.servers.features import MessageFeature
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import EVERYTHING, Rule, Subject

INTEGRATIONS = "https://support-apps.discord.com/hc/en-us/articles/26501869403159-Command-Permissions"
"""Discord's own description of its page of command permissions."""
MOST_RULES = 1_000
LISTS = {
    "places-denied": (Subject.PLACE, False),
    "places-allowed": (Subject.PLACE, True),
    "roles-denied": (Subject.ROLE, False),
    "roles-allowed": (Subject.ROLE, True),
    "members-denied": (Subject.MEMBER, False),
    "members-allowed": (Subject.MEMBER, True),
}
MENUS = {Subject.PLACE: channels, Subject.ROLE: roles, Subject.MEMBER: members}
OTHERS = {"places-others": Subject.PLACE, "roles-others": Subject.ROLE}


class AccessPage(TopicPage):
    """Who may use what, and where."""

    name = "access"
    # Translators: a topic of /settings: who may use what, and where.
    title = later("Access")
    # Translators: what is set on the page "Access"; in a menu it is cut after 100 characters.
    about = later(
        "Which channels, roles and members may use what. The most specific rule wins; a prohibition wins over the rest."
    )
    looks = frozenset({"feature", "feature-more"})

    def items(self, shown: Shown) -> Iterator[Item]:
        feature = shown.focus or EVERYTHING
        yield from self._features(shown, feature)
        yield text(_effect(shown, feature))
        yield text(f"### {CHANNELS}")
        yield self._others(shown, feature, "places-others")
        for name, label in LABELS.items():
            if name == "roles-denied":
                yield text(f"### {ROLES_AND_MEMBERS}")
                yield self._others(shown, feature, "roles-others")
            yield text(f"-# {label}")
            field, chosen = self.field(name, feature), _ids(shown, feature, name)
            # Translators: the placeholder of a menu in which no channel, role or member is chosen.
            yield MENUS[LISTS[name][0]](field, chosen, in_context("channels, roles or members", "None"))
        # Translators: a button to Discord's description of its page "Integrations".
        about = discord.ui.Button[discord.ui.LayoutView](label=_("About that page"), url=INTEGRATIONS)
        yield discord.ui.Section(discord.ui.TextDisplay(f"-# {NATIVE}"), accessory=about)

    def change(self, choice: Choice, shown: Shown) -> Change:
        feature, name = shown.focus or EVERYTHING, choice.field.name
        if feature not in {option.value for option in _options(shown)}:
            raise OutdatedPage
        if (subject := OTHERS.get(name)) is not None:
            return partial(_with_others, feature, subject, choice.value, shown.guild.id)
        if name not in LISTS:
            raise OutdatedPage
        _check(shown, LISTS[name][0], choice)
        shown_before = _ids(shown, feature, name)
        return partial(_with_list, feature, LISTS[name], frozenset(choice.ids), shown_before, shown.guild.id)

    def _features(self, shown: Shown, feature: str) -> Iterator[Item]:
        options = _options(shown)
        for number, start in enumerate(range(0, len(options), MOST_OPTIONS)):
            part = options[start : start + MOST_OPTIONS]
            field = self.field("feature" if not number else "feature-more")
            yield Menu(field, part, [feature], placeholder=_("More commands")).row()

    def _others(self, shown: Shown, feature: str, name: str) -> Item:
        value = _others(shown.settings, feature, OTHERS[name], shown.guild.id)
        labels = OTHERS_LABELS[OTHERS[name]]
        options = [
            Option(UNSET, labels[DEFAULT if feature == EVERYTHING else UNSET]),
            Option(ALLOWED, labels[ALLOWED]),
            Option(PROHIBITED, labels[PROHIBITED]),
        ]
        return Menu(self.field(name, feature), options, [value]).row()


def _options(shown: Shown) -> list[Option]:
    return [
        # Translators: in a menu of what a rule may be about.
        Option(EVERYTHING, _("Everything"), _("Rules that hold unless there are others for one command")),
        *(Option(feature.value, *NAMES[feature]) for feature in MessageFeature),
        *(
            Option(name, f"/{name}", _("The command, its menu, and the buttons under its answers"))
            for name in shown.operator.commands
        ),
    ]


def _effect(shown: Shown, feature: str) -> str:
    verdict = decide(shown.settings.access.rules, feature, shown.asked)
    here = _("Here, for you: allowed") if verdict.allowed else _("Here, for you: **not allowed**")
    return f"{here}\n-# {reason(verdict, shown.guild.id)}"


def _ids(shown: Shown, feature: str, name: str) -> frozenset[int]:
    """Return what a menu shows as chosen: of the rules' ids those that there still are."""
    subject, allow = LISTS[name]
    guild = shown.guild
    return frozenset(
        rule.id
        for rule in shown.settings.access.rules
        if (rule.feature, rule.subject, rule.allow) == (feature, subject, allow)
        and rule.id != guild.id
        and _exists(guild, subject, rule.id)
    )


def _exists(guild: discord.Guild, subject: Subject, identity: int) -> bool:
    if subject is Subject.PLACE:
        return guild.get_channel_or_thread(identity) is not None
    return subject is Subject.MEMBER or guild.get_role(identity) is not None


def _check(shown: Shown, subject: Subject, choice: Choice) -> None:
    if not all(_exists(shown.guild, subject, identity) for identity in choice.ids):
        raise InvalidRequest(
            later("I cannot see one of these. Choose only channels that I can see, and roles that there are.")
        )


def _others(settings: ServerSettings, feature: str, subject: Subject, guild_id: int) -> str:
    for rule in settings.access.rules:
        if (rule.feature, rule.subject, rule.id) == (feature, subject, guild_id):
            return ALLOWED if rule.allow else PROHIBITED
    return UNSET


def _with_others(feature: str, subject: Subject, value: str, guild_id: int, now: ServerSettings) -> ServerSettings:
    if value not in (ALLOWED, PROHIBITED, UNSET):
        raise OutdatedPage
    rest = [rule for rule in now.access.rules if (rule.feature, rule.subject, rule.id) != (feature, subject, guild_id)]
    new = [] if value == UNSET else [Rule(feature=feature, subject=subject, id=guild_id, allow=value == ALLOWED)]
    return _replaced(now, [*rest, *new])


def _with_list(
    feature: str,
    kind: tuple[Subject, bool],
    ids: frozenset[int],
    shown_before: frozenset[int],
    guild_id: int,
    now: ServerSettings,
) -> ServerSettings:
    """Replace what a menu has shown by what is chosen now. The opposite rules about the same go."""
    subject, allow = kind

    def stays(rule: Rule) -> bool:
        if (rule.feature, rule.subject) != (feature, subject) or (rule.id == guild_id and guild_id not in ids):
            return True
        return rule.id not in ids and not (rule.allow == allow and rule.id in shown_before)

    new = [Rule(feature=feature, subject=subject, id=identity, allow=allow) for identity in sorted(ids)]
    return _replaced(now, [*filter(stays, now.access.rules), *new])


def _replaced(now: ServerSettings, rules: Sequence[Rule]) -> ServerSettings:
    if len(rules) > MOST_RULES:
        raise InvalidRequest(
            later("A server can have {number} rules. Remove others first.", number=later_whole(MOST_RULES))
        )
    return replaced(now, "access", now.access, rules=tuple(rules))
