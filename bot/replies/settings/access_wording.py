"""The words of the page about who may use what, and where."""

from __future__ import annotations

from collections.abc import Mapping

from bot.locales.lists import joined
from bot.locales.message import Message, _, later
from bot.servers.access import Verdict
from bot.servers.features import MessageFeature
from bot.servers.topics.access import EVERYTHING, Rule, Subject

ALLOWED, PROHIBITED, UNSET = "allowed", "prohibited", "unset"
DEFAULT = "default"
"""`UNSET` where there is no rule about everything to fall back on."""
LABELS = {
    "places-denied": later("Not allowed in these channels, categories and threads"),
    # Translators: above a menu of channels, categories and threads.
    "places-allowed": later("Allowed in these"),
    "roles-denied": later("Not allowed for these roles"),
    "roles-allowed": later("Allowed for these roles"),
    "members-denied": later("Not allowed for these members"),
    "members-allowed": later("Allowed for these members"),
}
# Translators: a heading above rules.
CHANNELS = later("Channels")
# Translators: a heading above rules.
ROLES_AND_MEMBERS = later("Roles and members")
OTHERS_LABELS: Mapping[Subject, Mapping[str, Message]] = {
    Subject.PLACE: {
        DEFAULT: later("All other channels: allowed (the bot's default)"),
        # Translators: the rule about everything holds for this command too.
        UNSET: later("All other channels: as for everything"),
        ALLOWED: later("All other channels: allowed"),
        PROHIBITED: later("All other channels: not allowed"),
    },
    Subject.ROLE: {
        DEFAULT: later("Everybody else: allowed (the bot's default)"),
        # Translators: the rule about everything holds for this command too.
        UNSET: later("Everybody else: as for everything"),
        ALLOWED: later("Everybody else: allowed"),
        PROHIBITED: later("Everybody else: not allowed"),
    },
}
NAMES = {
    MessageFeature.MENTIONS: (
        later("Answers to mentions and replies"),
        later("Messages that mention me go on with /chat"),
    ),
    MessageFeature.REACTIONS: (
        later("Translations by flag reactions"),
        # Translators: "one" is a translation.
        later("Who may ask for one by a flag, and where"),
    ),
    MessageFeature.FORUM_TAGS: (later("Tags of forum posts"), later("In which forums I may tag, and whose posts")),
}
NATIVE = later(
    "Discord itself can hide commands: **Server Settings → Integrations**, under my name. Use that page for slash "
    "commands and message menus: people then do not even see them. The rules here also hold where it cannot reach: "
    "mentions, flags, forum posts, buttons under answers, and people who have added me to their own account."
)
MENTIONS = {Subject.PLACE: "#", Subject.ROLE: "@&", Subject.MEMBER: "@"}
"""What Discord's mentions begin with."""


def reason(verdict: Verdict, guild_id: int) -> str:
    """Return which rules have decided."""
    rules = [rule for rule in (verdict.place, verdict.person) if rule is not None]
    if not verdict.allowed:
        rules = [rule for rule in rules if not rule.allow]
    if not rules:
        return _("No rule of this server is about it, so the bot's default holds")
    # Translators: {rules} are one or two, such as "the rule about everything for all other channels".
    return _("Because of {rules}", rules=joined(_described(rule, guild_id) for rule in rules))


def _described(rule: Rule, guild_id: int) -> str:
    """Return which rule it is, in words that follow "because of"."""
    feature, is_about_all = f"`{rule.feature}`", rule.feature == EVERYTHING
    if rule.id == guild_id and rule.subject is Subject.PLACE:
        if is_about_all:
            # Translators: follows "Because of".
            return _("the rule about everything for all other channels")
        # Translators: follows "Because of".
        return _("the rule about {feature} for all other channels", feature=feature)
    if rule.id == guild_id and rule.subject is Subject.ROLE:
        if is_about_all:
            # Translators: follows "Because of".
            return _("the rule about everything for everybody else")
        # Translators: follows "Because of".
        return _("the rule about {feature} for everybody else", feature=feature)
    whom = f"<{MENTIONS[rule.subject]}{rule.id}>"
    if is_about_all:
        # Translators: follows "Because of". {whom} is a channel, a role or a member.
        return _("the rule about everything for {whom}", whom=whom)
    # Translators: follows "Because of". {whom} is a channel, a role or a member.
    return _("the rule about {feature} for {whom}", feature=feature, whom=whom)
