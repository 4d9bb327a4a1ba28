"""Page 0 of Show the work: the way of the request, with its own numbers, and the page that opens up each part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.inference.requests import Answer
from bot.pictures.wording import counted
from bot.replies.reply import duration
from bot.replies.work.numbers import percent, written
from bot.tasks.work.blocks import (
    Bar,
    Bars,
    Chips,
    Confidence,
    Explanation,
    Norms,
    Page,
    Path,
    Picture,
    Quote,
    Station,
    Table,
)
from bot.tasks.work.pages import PAGES, page
from bot.tasks.work.request import Journey, WorkRequest

MAP = -1
"""The number of this page; the first page of an explanation has 0, and people read it as 1."""
ASIDE = ("layers", "additions", "changes", "attribution", "pairs", "flip", "made-it-write", "alternatives")
"""Pages that look into the answer, and are no part of its way."""
MOST_STATIONS = 12
MODELS = ("encoder", "decoder", "encoder-decoder")
FUNCTIONS = {
    "softmax": "{} logits, softmax: {}",
    "sigmoid": "{} logits, sigmoid: {}",
    "mask": "a logit for each token, softmax: {1}",
    "entailment": "logits of {} pairs: {}",
    "weighed": "{} labels by their log p, calibrated",
}
"""What becomes of logits, by the key of the page: with the number of labels, and the likeliest."""
_KEYS = {one["about"]: key for key, one in PAGES.items()}


def path_page(request: WorkRequest, answer: Answer[Explanation]) -> Page:
    """Return the map of a request's way."""
    stations = [*_stations(answer.result.pages, request.journey or Journey.of(answer))]
    if len(stations) > MOST_STATIONS:  # a text in many parts: its end says more than its middle
        stations = [*stations[: MOST_STATIONS - 2], Station("…", "the same for further parts", None), stations[-1]]
    said = (
        f"{one.name}{f': {one.fact}' if one.fact else ''}{'' if one.page is None else f' → page {one.page}'}"
        for one in stations
    )
    aside = _aside(answer.result.pages)
    return page(
        "path", "\n".join(said), *([aside] if aside else []), picture=Path("The way of this request", tuple(stations))
    )


def _stations(pages: Sequence[Page], journey: Journey) -> Iterator[Station]:
    seen: set[str] = set()
    for number, one in enumerate(pages, 1):
        key = _KEYS.get(one.about, "")
        if key in ASIDE or (key in seen and key != "hidden-states"):
            continue
        seen.add(key)
        yield Station(one.name, _fact(key, one), number)
        if len(seen) == 1:
            yield from _queue(journey)


def _queue(journey: Journey) -> Iterator[Station]:
    """Say how long the request waited, and with how many rows it shared its largest forward pass."""
    if not journey.rows:
        yield Station("Queue", "no wait: the answer was remembered", None)
        return
    shared = "alone in its pass" if journey.rows == 1 else f"{journey.rows:,} rows in the largest pass"
    yield Station("Queue and batch", f"waited {duration(journey.waited)}; {shared}", None)


def _fact(key: str, one: Page) -> str:
    """Return the numbers of a station; "" if its page has none that says enough by itself."""
    if key in MODELS:
        facts = _facts(one)
        return f"{facts['family']}, {facts['layers']} layers"
    if key == "text":
        return _length([block.text for block in one.blocks if isinstance(block, Quote)])
    if key == "decision":
        decided = [block for block in one.blocks if isinstance(block, Bar)]
        return ", ".join(f"{bar.label} {percent(bar.probability)}" for bar in decided[:2])
    return _drawn(key, one.picture)


def _length(texts: Sequence[str]) -> str:
    """Say how long the texts are that a model reads: a prompt is longer than what somebody has written."""
    length = counted(sum(map(len, texts)), "character")
    return length if len(texts) == 1 else f"{length} in {len(texts)} texts"


def _drawn(key: str, picture: Picture | None) -> str:
    """Return the numbers of a station that its page has in its picture."""
    match picture:
        case Chips(_, rows):
            total = counted(sum(len(row) for _, row in rows), "token")
            return f"{total} in" if len(rows) == 1 else f"{total} in {len(rows)} rows"
        case Norms(_, values):
            return f"a vector for each token, after each of {len(values) - 1} layers"
        case Bars() if key in FUNCTIONS:
            return FUNCTIONS[key].format(len(picture.values), _leading(picture))
        case Confidence(_, tokens):
            return "1 token out" if len(tokens) == 1 else f"{len(tokens):,} tokens out, one after the other"
    return ""


def _facts(one: Page) -> dict[str, str]:
    """Return the table of a model's page."""
    [found] = [block for block in one.blocks if isinstance(block, Table)]
    names, values = found.columns
    return {str(name): written(value) for name, value in zip(names.cells, values.cells, strict=True)}


def _leading(picture: Bars) -> str:
    """Return what is likeliest in a picture."""
    index = max(range(len(picture.values)), key=lambda place: picture.values[place])
    return f"{written(picture.names[index])} {percent(picture.values[index])}"


def _aside(pages: Sequence[Page]) -> str:
    """Name the pages that look into the answer."""
    named = [f"{one.name} ({number})" for number, one in enumerate(pages, 1) if _KEYS.get(one.about, "") in ASIDE]
    return f"Looking closer: {', '.join(named[:8])}." if named else ""
