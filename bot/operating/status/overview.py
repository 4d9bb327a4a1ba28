"""The overview of `/status`: how this process, its models and its connections are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

import discord

from bot.errors import seconds_in_words
from bot.inference.status import DeviceStatus, WorkerStatus
from bot.operating.invalid_requests import MOST
from bot.operating.last_hour import Failures, Latencies
from bot.operating.status.snapshot import Snapshot
from bot.operating.throughput import Throughput
from bot.pictures.latency import latency
from bot.pictures.picture import Picture
from bot.replies.formatting.quantities import in_bytes
from bot.replies.formatting.text import code_span, escape, fit
from bot.replies.reply import Drawing, Reply
from bot.storage.shard_states import ShardState

COLOUR, PAUSED, LACKING = 0x6B7FA8, 0xC9913D, 0xC7595C
PICTURE = "latency.png"
FIELD = 1_000
MOST_SHARDS, MOST_FAILURES, MOST_DEVICES, MOST_MISSING = 12, 8, 8, 5
STALE_SECONDS = 180.0
"""After so long without a word from a process, its shards are doubtful."""
UNMEASURED = "This process measures nothing: it runs without a watch."
ELSEWHERE = "The models are on another machine (INFERENCE_URL); this is what it said last."


def overview(one: Snapshot) -> Reply:
    """Render the overview, with a chart of how long people waited."""
    embed = discord.Embed(title="Status", description="\n".join(_headline(one)), colour=_colour(one))
    for name, lines in (
        ("Devices", list(_devices(one))),
        ("Queue", list(_queue(one.status))),
        ("Last hour", list(_last_hour(one))),
        ("Shards", list(_shards(one))),
        ("Refused by Discord", list(_refusals(one))),
        ("Errors of the last hour", list(_failures(one))),
        ("Versions", [" · ".join(f"{name} {version}" for name, version in one.versions.items())]),
    ):
        if lines:
            embed.add_field(name=name, value=_fitting(lines), inline=False)
    embed.set_footer(text=f"This process: {one.process}")
    measured = one.measured
    return Reply(embed, drawing=None if measured is None else Drawing(PICTURE, partial(_chart, measured.latencies)))


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
        yield "**Under maintenance**: everything but this command is refused."
    measured = one.measured
    if measured is None:
        yield UNMEASURED
        return
    if measured.missing:
        shown = [fit(lack, 120)[0] for lack in measured.missing[:MOST_MISSING]]
        more = len(measured.missing) - len(shown)
        yield f"**Not ready**: {'; '.join(shown)}{f'; and {more} more' if more else ''}."
    else:
        yield "**Ready** to answer people."
    yield f"Up since <t:{int(measured.began_at)}:f> (<t:{int(measured.began_at)}:R>)."
    memory = "" if measured.memory is None else f"The process uses {in_bytes(measured.memory)} of memory. "
    yield f"{memory}The event loop is {_seconds(measured.lag)} late."


def _devices(one: Snapshot) -> Iterator[str]:
    if one.is_remote:
        yield ELSEWHERE
    for device in one.status.devices[:MOST_DEVICES]:
        yield f"{code_span(device.name, 40)} in {escape(device.precision)}: {_weights(device)}"
    if not one.status.devices:
        yield "None is known."
    if len(one.status.devices) > MOST_DEVICES:
        yield f"… and {len(one.status.devices) - MOST_DEVICES} more"


def _weights(device: DeviceStatus) -> str:
    if device.memory_limit is None:
        return f"{in_bytes(device.weight_bytes)} of weights"
    share = device.weight_bytes / device.memory_limit if device.memory_limit else 0.0
    return f"{in_bytes(device.weight_bytes)} of weights, of {in_bytes(device.memory_limit)} ({_percent(share)})"


def _queue(status: WorkerStatus) -> Iterator[str]:
    accepting = "" if status.accepting else " **It accepts no requests.**"
    yield f"{_counted(status.requests, 'request')} accepted, {_counted(status.rows_waiting, 'row')} waiting.{accepting}"
    yield (
        f"Since the start: {_counted(status.batches, 'batch', 'batches')}, {_counted(status.rows, 'row')}, "
        f"{_counted(status.evictions, 'eviction')}."
    )


def _last_hour(one: Snapshot) -> Iterator[str]:
    if one.measured is None:
        return
    found = one.measured.latencies
    number = sum(found.answers)
    if number:
        p50, p95 = found.overall
        yield f"{_counted(number, 'answer')} on people's screens: p50 **{_seconds(p50)}**, p95 **{_seconds(p95)}**"
    else:
        yield "No answers."
    yield from _throughput(one.measured.throughput)


def _throughput(done: Throughput) -> Iterator[str]:
    rows, tokens, waste = done.rows_per_batch, done.tokens_per_second, done.waste
    if rows is None:
        yield "No batches."
        return
    yield f"{_counted(done.batches, 'batch', 'batches')} of {rows:.1f} rows" + (
        "" if waste is None else f", {_percent(waste)} of their tokens padding"
    )
    if tokens is not None and done.seconds > 0:
        busy = min(1.0, done.busy_seconds / done.seconds)
        yield f"{tokens:,.0f} tokens/s while a device computes, which is {_percent(busy)} of the time"


def _shards(one: Snapshot) -> Iterator[str]:
    count = "an unknown number" if one.shard_count is None else f"{one.shard_count:,}"
    missing = sum(not shard.connected for shard in one.shards)
    if (one.shard_count or 0) > len(one.shards) or missing:
        yield f"{len(one.shards) - missing} of {count} are known to be connected."
    # Those with trouble first.
    ordered = sorted(one.shards, key=lambda shard: (shard.connected and shard.age < STALE_SECONDS, shard.shard))
    for shard in ordered[:MOST_SHARDS]:
        yield _shard(shard, one.process)
    if len(ordered) > MOST_SHARDS:
        yield f"… and {len(ordered) - MOST_SHARDS} more"


def _shard(shard: ShardState, here: str) -> str:
    state = "connected" if shard.connected else "**not connected**"
    latency = "" if shard.latency is None else f", {_seconds(shard.latency)}"
    where = "here" if shard.process == here else code_span(shard.process, 60)
    stale = f", said {round(shard.age / 60)} minutes ago" if shard.age >= STALE_SECONDS else ""
    return f"{shard.shard}: {state}{latency}, {where}{stale}"


def _refusals(one: Snapshot) -> Iterator[str]:
    if one.measured is None or not (found := one.measured.refusals).invalid:
        return
    yield f"{_counted(found.invalid, 'call')} within ten minutes (401, 403, 429); at {MOST:,} I ask for less."
    if found.places:
        yield f"I avoid {_counted(found.places, 'call')} of a channel or server, because I lack a permission there."
    if found.seconds:
        wait = seconds_in_words(found.seconds)
        yield f"**Only interactions are answered** for {wait} more, or Discord would shut me out."


def _failures(one: Snapshot) -> Iterator[str]:
    if one.measured is None:
        return
    failures: Sequence[Failures] = one.measured.failures
    if not failures:
        yield "None."
    for failure in failures[:MOST_FAILURES]:
        yield f"{code_span(failure.kind, 60)} {_counted(failure.number, 'time')}, last <t:{int(failure.last)}:R>"
    if len(failures) > MOST_FAILURES:
        yield f"… and {len(failures) - MOST_FAILURES} kinds more"


def _chart(found: Latencies) -> Picture:
    number = sum(found.answers)
    p50, p95 = found.overall
    note = f"{_counted(number, 'answer')}: p50 {_seconds(p50)}, p95 {_seconds(p95)}" if number else "No answers yet"
    return latency("How long people waited, last hour", note, found.p50, found.p95, found.answers)


def _counted(number: int, noun: str, nouns: str = "") -> str:
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _seconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "unknown"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
