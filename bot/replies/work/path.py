"""Page 0 of Show the work: the way of the request, with its own numbers, and the page that opens up each part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.inference.requests import Answer
from bot.replies.reply import duration
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
from bot.tasks.work.pages import key_of, page
from bot.tasks.work.request import Journey, WorkRequest
from bot.tasks.work.texts import Form, Number, Sentence, Text, grouped, joined
from bot.tasks.work.wording import later, later_plural, listed

MAP = -1
"""The number of this page; the first page of an explanation has 0, and people read it as 1."""
ASIDE = ("layers", "additions", "changes", "attribution", "pairs", "flip", "made-it-write", "alternatives")
"""Pages that look into the answer, and are no part of its way."""
MOST_STATIONS = 12
MODELS = ("encoder", "decoder", "encoder-decoder")
# Translators: parts of a request's way through the model, below a name in a picture: at most 60 characters each.
FUNCTIONS = {
    "softmax": later("{number} logits, softmax: {likeliest}"),
    "sigmoid": later("{number} logits, sigmoid: {likeliest}"),
    "mask": later("a logit for each token, softmax: {likeliest}"),
    "entailment": later("logits of {number} pairs: {likeliest}"),
    "weighed": later("{number} labels by their log p, calibrated"),
}
"""What becomes of logits, by the key of the page: with the number of labels, and the likeliest."""


def path_page(request: WorkRequest, answer: Answer[Explanation]) -> Page:
    """Return the map of a request's way."""
    stations = [*_stations(answer.result.pages, request.journey or Journey.of(answer))]
    if len(stations) > MOST_STATIONS:  # a text in many parts: its end says more than its middle
        stations = [
            *stations[: MOST_STATIONS - 2],
            Station("…", later("the same for further parts"), None),
            stations[-1],
        ]
    said = joined(map(_line, stations), sign="\n")
    aside = _aside(answer.result.pages)
    picture = Path(later("The way of this request"), tuple(stations))
    return page("path", (said,), *([] if aside is None else [aside]), picture=picture)


def _line(one: Station) -> Text:
    """Return a station in words, with the page that opens it up."""
    said = later("{name}: {fact}", name=one.name, fact=one.fact) if one.fact else one.name
    return said if one.page is None else (said, later(" → page {number}", number=one.page))


def _stations(pages: Sequence[Page], journey: Journey) -> Iterator[Station]:
    seen: set[str] = set()
    for number, one in enumerate(pages, 1):
        key = key_of(one)
        if key in ASIDE or (key in seen and key != "hidden-states"):
            continue
        seen.add(key)
        yield Station(one.name, _fact(key, one), number)
        if len(seen) == 1:
            yield from _queue(journey)


def _queue(journey: Journey) -> Iterator[Station]:
    """Say how long the request waited, and with how many rows it shared its largest forward pass."""
    if not journey.rows:
        yield Station(later("Queue"), later("no wait: the answer was remembered"), None)
        return
    if journey.rows == 1:
        fact = later("waited {time}; alone in its pass", time=duration(journey.waited))
    else:
        rows = grouped(journey.rows)
        fact = later("waited {time}; {rows} rows in the largest pass", time=duration(journey.waited), rows=rows)
    yield Station(later("Queue and batch"), fact, None)


def _fact(key: str, one: Page) -> Text:
    """Return the numbers of a station; None if its page has none that says enough by itself."""
    if key in MODELS:
        _model_type, family, layers, *_others = _facts(one)
        return later("{family}, {layers} layers", family=family, layers=layers)
    if key == "text":
        return _length([block.text for block in one.blocks if isinstance(block, Quote)])
    if key == "decision":
        decided = [block for block in one.blocks if isinstance(block, Bar)]
        shown: list[Text] = [(bar.label, " ", Number(bar.probability, Form.PERCENT)) for bar in decided[:2]]
        return listed(shown) if shown else None
    return _drawn(key, one.picture)


def _length(texts: Sequence[str]) -> Sentence:
    """Say how long the texts are that a model reads: a prompt is longer than what somebody has written."""
    total, length = sum(map(len, texts)), grouped(sum(map(len, texts)))
    if len(texts) == 1:
        return later_plural("{length} character", "{length} characters", total, length=length)
    return later_plural(
        "{length} character in {texts} texts",
        "{length} characters in {texts} texts",
        total,
        length=length,
        texts=len(texts),
    )


def _drawn(key: str, picture: Picture | None) -> Text:
    """Return the numbers of a station that its page has in its picture."""
    match picture:
        case Chips(_, rows):
            return _read([len(row) for _, row in rows])
        case Norms(_, values):
            return later("a vector for each token, after each of {layers} layers", layers=len(values) - 1)
        case Bars() if key in FUNCTIONS:
            facts: dict[str, Text] = {"number": len(picture.values), "likeliest": _leading(picture)}
            return replace(FUNCTIONS[key], values=facts)
        case Confidence(_, tokens):
            number = len(tokens)
            return later_plural(
                "{number} token out",
                "{number} tokens out, one after the other",
                number,
                number=grouped(number),
            )
    return None


def _read(lengths: Sequence[int]) -> Sentence:
    """Say how many tokens a model has read, by the lengths of its rows."""
    total, tokens = sum(lengths), grouped(sum(lengths))
    if len(lengths) == 1:
        return later_plural("{tokens} token in", "{tokens} tokens in", total, tokens=tokens)
    return later_plural(
        "{tokens} token in {rows} rows", "{tokens} tokens in {rows} rows", total, tokens=tokens, rows=len(lengths)
    )


def _facts(one: Page) -> tuple[Text, ...]:
    """Return the right column of the table of a model's page: its type, its family, its layers, and more."""
    [found] = [block for block in one.blocks if isinstance(block, Table)]
    return found.columns[1].cells


def _leading(picture: Bars) -> Text:
    """Return what is likeliest in a picture."""
    index = max(range(len(picture.values)), key=lambda place: picture.values[place])
    return (picture.names[index], " ", Number(picture.values[index], Form.PERCENT))


def _aside(pages: Sequence[Page]) -> Sentence | None:
    """Name the pages that look into the answer."""
    named: list[Text] = [(one.name, f" ({number})") for number, one in enumerate(pages, 1) if key_of(one) in ASIDE]
    return later("Looking closer: {pages}.", pages=listed(named[:8])) if named else None
