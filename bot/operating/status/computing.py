"""What the overview of `/status` says about computing: devices, the queue, and what they have done."""

from __future__ import annotations

from collections.abc import Iterator

from bot.inference.status import DeviceStatus, WorkerStatus
from bot.locales.lists import enumerated, sentences
from bot.locales.message import _, in_context, later, plural
from bot.locales.numbers import decimal, in_bytes, percent, whole
from bot.operating.status.snapshot import Snapshot
from bot.operating.status.wording import more
from bot.operating.throughput import Throughput
from bot.replies.formatting.text import code_span, escape

MOST_DEVICES = 8
ELSEWHERE = later("The models are on another machine (INFERENCE_URL); this is what it said last.")


def devices(one: Snapshot) -> Iterator[str]:
    """Yield a line for each device."""
    if one.is_remote:
        yield str(ELSEWHERE)
    for device in one.status.devices[:MOST_DEVICES]:
        name, precision = code_span(device.name, 40), escape(device.precision)
        # Translators: such as "`cuda:0` in bfloat16: 1.36 GB of weights".
        yield _("{device} in {precision}: {weights}", device=name, precision=precision, weights=_weights(device))
    if not one.status.devices:
        # Translators: no device is known.
        yield in_context("devices", "None is known.")
    if (left := len(one.status.devices) - MOST_DEVICES) > 0:
        yield more(left)


def _weights(device: DeviceStatus) -> str:
    if device.memory_limit is None:
        return _("{size} of weights", size=in_bytes(device.weight_bytes))
    share = device.weight_bytes / device.memory_limit if device.memory_limit else 0.0
    # Translators: such as "1.4 GB of weights, of 8 GB (17 %)": what is used of the room for them.
    return _(
        "{size} of weights, of {room} ({share})",
        size=in_bytes(device.weight_bytes),
        room=in_bytes(device.memory_limit),
        share=percent(share, 0),
    )


def queue(status: WorkerStatus) -> Iterator[str]:
    """Yield what is accepted and waits now, and what has been done since the start."""
    requests, waiting, rows = status.requests, status.rows_waiting, status.rows
    now = [
        plural("{number} request accepted", "{number} requests accepted", requests, number=whole(requests)),
        # Translators: rows are sequences of a batch.
        plural("{number} row waiting", "{number} rows waiting", waiting, number=whole(waiting)),
    ]
    # Translators: {facts} are such as "2 requests accepted, 3 rows waiting".
    accepted = _("{facts}.", facts=enumerated(now))
    if not status.accepting:
        # Translators: the queue accepts none.
        closed = _("**It accepts no requests.**")
        accepted = sentences(accepted, closed)
    yield accepted
    # Translators: when a device has had no room, a checkpoint was evicted from it.
    evictions = plural("{number} eviction", "{number} evictions", status.evictions, number=whole(status.evictions))
    done = [_batches(status.batches), plural("{number} row", "{number} rows", rows, number=whole(rows)), evictions]
    # Translators: {facts} are such as "20 batches, 300 rows, 0 evictions".
    yield _("Since the start: {facts}.", facts=enumerated(done))


def _batches(number: int) -> str:
    return plural("{number} batch", "{number} batches", number, number=whole(number))


def throughput(done: Throughput) -> Iterator[str]:
    """Yield how well the devices were used."""
    rows, tokens, waste = done.rows_per_batch, done.tokens_per_second, done.waste
    if rows is None:
        yield _("No batches.")
        return
    facts = [
        # Translators: {rows} is an average, such as "3.5".
        plural(
            "{number} batch of {rows} rows",
            "{number} batches of {rows} rows",
            done.batches,
            number=whole(done.batches),
            rows=decimal(rows, 1),
        )
    ]
    if waste is not None:
        # Translators: {share} is such as "12 %"; the tokens are those of batches.
        facts.append(_("{share} of their tokens padding", share=percent(waste, 0)))
    yield enumerated(facts)
    if tokens is not None and done.seconds > 0:
        busy = percent(min(1.0, done.busy_seconds / done.seconds), 0)
        number = decimal(tokens, 0)
        # Translators: {share} is such as "12 %".
        yield _("{number} tokens/s while a device computes, which is {share} of the time", number=number, share=busy)
