"""The overview of `/status`: how this process, its models and its connections are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import discord

from bot.locales.lists import sentences
from bot.locales.marks import with_semicolons
from bot.locales.message import Message, _, in_context, later, plural
from bot.locales.numbers import in_bytes, whole
from bot.operating.last_hour import Failures, Latencies
from bot.operating.status.computing import devices, queue, throughput
from bot.operating.status.connections import refusals, shards
from bot.operating.status.snapshot import Snapshot
from bot.operating.status.wording import short_time
from bot.pictures.latency import latency
from bot.pictures.picture import Picture
from bot.replies.formatting.text import code_span, fit
from bot.replies.reply import Drawing, Reply

COLOUR, PAUSED, LACKING = 0x6B7FA8, 0xC9913D, 0xC7595C
PICTURE = "latency.png"
FIELD = 1_000
MOST_FAILURES, MOST_MISSING = 8, 5
UNMEASURED = later("This process measures nothing: it runs without a watch.")


def overview(one: Snapshot) -> Reply:
    """Render the overview, with a chart of how long people waited."""
    # Translators: the title of a page about how I am.
    embed = discord.Embed(title=_("Status"), description="\n".join(_headline(one)), colour=_colour(one))
    for name, lines in (
        (_("Devices"), list(devices(one))),
        (_("Queue"), list(queue(one.status))),
        (_("Last hour"), list(_last_hour(one))),
        # Translators: shards are my connections to Discord.
        (_("Shards"), list(shards(one))),
        (_("Refused by Discord"), list(refusals(one))),
        (_("Errors of the last hour"), list(_failures(one))),
        (_("Versions"), [" · ".join(f"{name} {version}" for name, version in one.versions.items())]),
    ):
        if lines:
            embed.add_field(name=name, value=_fitting(lines), inline=False)
    embed.set_footer(text=_("This process: {process}", process=one.process))
    measured = one.measured
    return Reply(embed, drawing=None if measured is None else Drawing(PICTURE, _chart(measured.latencies)))


def _fitting(lines: Sequence[str]) -> str:
    """Join as many lines as a field holds."""
    shown = list(lines)
    while len("\n".join(shown)) > FIELD and len(shown) > 1:
        shown.pop()
    return "\n".join(shown)[:FIELD]


def _colour(one: Snapshot) -> int:
    if one.notice is not None:
        return PAUSED
    return LACKING if one.measured is not None and one.measured.missing else COLOUR


def _headline(one: Snapshot) -> Iterator[str]:
    if one.notice is not None:
        yield _("**Under maintenance**: everything but this command is refused.")
    measured = one.measured
    if measured is None:
        yield str(UNMEASURED)
        return
    if measured.missing:
        yield _not_ready(measured.missing)
    else:
        yield _("**Ready** to answer people.")
    since, ago = f"<t:{int(measured.began_at)}:f>", f"<t:{int(measured.began_at)}:R>"
    # Translators: when the process began, such as "3 May 2026 12:00 (2 hours ago)".
    yield _("Up since {since} ({ago}).", since=since, ago=ago)
    # Translators: {time} is such as "3 ms".
    late = _("The event loop is {time} late.", time=short_time(measured.lag))
    if measured.memory is None:
        yield late
    else:
        memory = _("The process uses {size} of memory.", size=in_bytes(measured.memory))
        yield sentences(memory, late)


def _not_ready(missing: Sequence[Message]) -> str:
    lacks = with_semicolons(fit(str(lack), 120)[0] for lack in missing[:MOST_MISSING])
    if (more := len(missing) - MOST_MISSING) <= 0:
        # Translators: {lacks} are such as "shard 1 is not connected; shard 2 is not connected".
        return _("**Not ready**: {lacks}.", lacks=lacks)
    return plural(
        "**Not ready**: {lacks}; and {number} more.",
        "**Not ready**: {lacks}; and {number} more.",
        more,
        lacks=lacks,
        number=whole(more),
    )


def _last_hour(one: Snapshot) -> Iterator[str]:
    if one.measured is None:
        return
    found = one.measured.latencies
    number = sum(found.answers)
    if number:
        p50, p95 = found.overall
        yield plural(
            "{number} answer on people's screens: p50 **{p50}**, p95 **{p95}**",
            "{number} answers on people's screens: p50 **{p50}**, p95 **{p95}**",
            number,
            number=whole(number),
            p50=short_time(p50),
            p95=short_time(p95),
        )
    else:
        yield _("No answers.")
    yield from throughput(one.measured.throughput)


def _failures(one: Snapshot) -> Iterator[str]:
    if one.measured is None:
        return
    failures: Sequence[Failures] = one.measured.failures
    if not failures:
        # Translators: there were no errors.
        yield in_context("errors", "None.")
    for failure in failures[:MOST_FAILURES]:
        # Translators: an error's {kind}, how often it has happened, and when last, such as "2 minutes ago".
        yield plural(
            "{kind} {number} time, last {ago}",
            "{kind} {number} times, last {ago}",
            failure.number,
            kind=code_span(failure.kind, 60),
            number=whole(failure.number),
            ago=f"<t:{int(failure.last)}:R>",
        )
    if (more := len(failures) - MOST_FAILURES) > 0:
        # Translators: after a list of kinds of errors.
        yield plural("… and {number} kind more", "… and {number} kinds more", more, number=whole(more))


def _chart(found: Latencies) -> Callable[[], Picture]:
    """Return what draws the chart: elsewhere, so its words are written here, in the reader's locale."""
    number = sum(found.answers)
    p50, p95 = (short_time(quantile) for quantile in found.overall)
    if number:
        note = plural(
            "{number} answer: p50 {p50}, p95 {p95}",
            "{number} answers: p50 {p50}, p95 {p95}",
            number,
            number=whole(number),
            p50=p50,
            p95=p95,
        )
    else:
        note = _("No answers yet")
    # Translators: the title of a picture.
    title = _("How long people waited, last hour")
    return partial(latency, title, note, found.p50, found.p95, found.answers)
