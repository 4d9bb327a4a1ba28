"""What the overview of `/status` says about Discord: shards, and what it has refused."""

from __future__ import annotations

from collections.abc import Iterator

from bot.locales.lists import enumerated
from bot.locales.message import _, plural
from bot.locales.numbers import in_seconds, whole
from bot.operating.invalid_requests import MOST
from bot.operating.status.snapshot import Snapshot
from bot.operating.status.wording import more, short_time
from bot.replies.formatting.text import code_span
from bot.storage.shard_states import ShardState

MOST_SHARDS = 12
STALE_SECONDS = 180.0
"""After so long without a word from a process, its shards are doubtful."""


def shards(one: Snapshot) -> Iterator[str]:
    """Yield how many shards are connected, unless all are, and a line for each."""
    missing = sum(not shard.connected for shard in one.shards)
    connected = whole(len(one.shards) - missing)
    if one.shard_count is None and missing:
        # Translators: how many shards, which are my connections to Discord, are connected.
        yield _("{number} of an unknown number are known to be connected.", number=connected)
    elif one.shard_count is not None and (one.shard_count > len(one.shards) or missing):
        total = whole(one.shard_count)
        # Translators: how many shards, which are my connections to Discord, are connected.
        yield _("{number} of {total} are known to be connected.", number=connected, total=total)
    # Those with trouble first.
    ordered = sorted(one.shards, key=lambda shard: (shard.connected and shard.age < STALE_SECONDS, shard.shard))
    for shard in ordered[:MOST_SHARDS]:
        yield _shard(shard, one.process)
    if (left := len(ordered) - MOST_SHARDS) > 0:
        yield more(left)


def _shard(shard: ShardState, here: str) -> str:
    # Translators: the state of a shard, which is a connection to Discord.
    facts = [_("connected") if shard.connected else _("**not connected**")]
    if shard.latency is not None:
        facts.append(short_time(shard.latency))
    # Translators: a shard is a connection of this process.
    facts.append(_("here") if shard.process == here else code_span(shard.process, 60))
    if shard.age >= STALE_SECONDS:
        minutes = round(shard.age / 60)
        # Translators: when the process of a shard has said this.
        facts.append(plural("said {number} minute ago", "said {number} minutes ago", minutes, number=whole(minutes)))
    return f"{shard.shard}: {enumerated(facts)}"


def refusals(one: Snapshot) -> Iterator[str]:
    """Yield what Discord has refused lately, if anything."""
    if one.measured is None or not (found := one.measured.refusals).invalid:
        return
    # Translators: calls of Discord's API that it has refused, with the numbers of its responses.
    yield plural(
        "{number} call within ten minutes (401, 403, 429); at {most} I ask for less.",
        "{number} calls within ten minutes (401, 403, 429); at {most} I ask for less.",
        found.invalid,
        number=whole(found.invalid),
        most=whole(MOST),
    )
    if found.places:
        yield plural(
            "I avoid {number} call of a channel or server, because I lack a permission there.",
            "I avoid {number} calls of a channel or server, because I lack a permission there.",
            found.places,
            number=whole(found.places),
        )
    if found.seconds:
        wait = in_seconds(found.seconds)
        # Translators: {wait} is such as "2 minutes".
        yield _("**Only interactions are answered** for {wait} more, or Discord would shut me out.", wait=wait)
