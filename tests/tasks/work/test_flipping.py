"""What would flip an answer: every single change is tried, and the one that is shown does what the page says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work import flipping
from bot.tasks.work.blocks import Bars, Page, Paragraph, PostponedFlip, Quote, Table
from bot.tasks.work.changes import around, core_of
from bot.tasks.work.request import Exchange, WorkRequest
from bot.tasks.work.texts import Number
from bot.tasks.work.units import Units, words_of
from bot.tasks.zeroshot import ZeroShotRequest
from tests.support import preset_of
from tests.tasks.work.page_objects import column, in_english, said

NAME = "What would flip it"
EXACT = 1e-6
TEXT = "What a terrible day, and the coffee was cold!"
LABELS = ("food", "trains", "weather")


async def opened(worker: InferenceWorker, request: Request[Any], **options: Any) -> Any:
    """The page of an answer, computed."""
    work = replace(WorkRequest.of(request), flip=True, finer=True, **options)
    [page] = [one for one in in_english((await worker.run(work, person=1)).result).pages if one.name == NAME]
    return page


async def scores(worker: InferenceWorker, request: Request[Any], text: str) -> dict[str, float]:
    """The command's answer to another text, likeliest label first."""
    about: Any = request
    result: Any = (await worker.run(replace(about, text=text), person=2)).result
    return {one.label: one.probability for one in result.scores}


def changed(page: Page) -> dict[str, float]:
    """The own label's probability after each change, by what was changed."""
    [table] = [one for one in page.blocks if isinstance(one, Table)]
    return dict(zip(map(said, column(table, "change")), column(table, "p"), strict=True))


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", ["encoder", "language model"])
@pytest.mark.parametrize("command", ["sentiment", "zeroshot"])
async def test_all_single_changes_and_the_proof(
    make_worker: Callable[..., Any], checkpoints: Mapping[str, Path], kind: str, command: str
) -> None:
    request: Any = SentimentRequest(TEXT) if command == "sentiment" else ZeroShotRequest(TEXT, LABELS)
    exchanges = (Exchange(6, ("tea", "Coffee", "cake", "tea")), Exchange(99, ("tea",)))
    preset = preset_of({command: checkpoints["llama"]}) if kind == "language model" else None
    async with make_worker(preset) as worker:
        before = await scores(worker, request, TEXT)
        own = next(iter(before))
        page = await opened(worker, request, exchanges=exchanges)
        found, parts = changed(page), words_of(TEXT)

        # Brute force: each text with one word less, or with the other word, asked as anybody would.
        singles = {f"− {parts[i].strip()}": words("".join(parts[:i] + parts[i + 1 :])) for i in range(len(parts))}
        singles |= {f"coffee → {word}": TEXT.replace("coffee", word) for word in ("tea", "cake")}
        flips: list[str] = []
        for name, text in singles.items():
            after = await scores(worker, request, text)
            assert found[name] == pytest.approx(after[own], abs=EXACT)
            flips += [name] if next(iter(after)) != own else []
        assert not any("→ Coffee" in name for name in found)
        texts = [said(one.text) for one in page.blocks if isinstance(one, Paragraph)]
        assert ("None flips it" in texts[-1]) or flips

        # The proof: asked anew, the new text has another label, with the numbers of the page.
        [quote] = [one.text for one in page.blocks if isinstance(one, Quote)]
        after = await scores(worker, request, quote)
        label = next(iter(after))
        assert label != own
        headline: Any = page.blocks[0]
        numbers = [one.value for one in headline.text if isinstance(one, Number)]
        assert numbers == pytest.approx([after[label], before[own]], abs=EXACT)
        assert f"the answer is {label} with " in said(headline.text)
        if flips:  # then nothing larger was tried
            assert len(found) == len(singles)
            assert min(flips, key=lambda name: found[name]) == min(found, key=lambda name: found[name])
        picture = page.picture
        assert isinstance(picture, Bars)
        assert picture.names[0] == "(unchanged)"
        assert picture.values[0] == pytest.approx(before[own], abs=EXACT)
        drawn = list(zip(map(said, picture.names), picture.values, picture.marks, strict=True))
        assert len(drawn) > 1
        for name, value, mark in drawn:
            if name in singles:
                assert value == pytest.approx(found[name])
                assert mark == ("flips" if name in flips else "")


async def test_pairs_are_tried_where_no_single_change_flips(
    make_worker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All answers are one label's, so everything is tried, and the page says so."""
    monkeypatch.setattr(flipping, "_by_sureness", lambda found, changes: iter(()))
    monkeypatch.setattr(flipping.Search, "flips", lambda search, change: False)
    async with make_worker() as worker:
        page = await opened(worker, SentimentRequest("It is not good"))

        found, parts = changed(page), words_of("It is not good")
        names = [part.strip() for part in parts]
        assert {f"− {one}, {other}" for one, other in combinations(names, 2)} <= set(found)
        own = next(iter(await scores(worker, SentimentRequest("It is not good"), "It is not good")))
        for one, other in combinations(range(4), 2):
            rest = words("".join(part for place, part in enumerate(parts) if place not in (one, other)))
            after = await scores(worker, SentimentRequest("It is not good"), rest)
            assert found[f"− {names[one]}, {names[other]}"] == pytest.approx(after[own], abs=EXACT)
        texts = [said(one.text) for one in page.blocks if isinstance(one, Paragraph)]
        assert texts[0].startswith("Nothing that was tried gives it another label than ")
        assert "Tried: all 4 texts without one word. None flips it." in texts[1]
        assert "Tried: all 6 texts without two words. None flips it." in texts[1]
        assert "no model of /fill could be asked" in texts[1]


async def test_long_texts_are_left_out_in_longer_parts(make_worker: Callable[..., Any]) -> None:
    text = "The coffee was cold. " * 60
    async with make_worker() as worker:
        work = replace(WorkRequest.of(SentimentRequest(text)), flip=True)
        [page] = [one for one in in_english((await worker.run(work, person=1)).result).pages if one.name == NAME]
    texts = [said(one.text) for one in page.blocks if isinstance(one, Paragraph)]
    assert page.is_estimate
    assert not page.strongest
    assert any("texts without one sentence" in one or "texts without one part" in one for one in texts)


async def test_a_text_of_one_word_has_no_page(make_worker: Callable[..., Any]) -> None:
    async with make_worker() as worker:
        for text, has_page in (("Great!", False), ("Great fun!", True)):
            work = await worker.run(WorkRequest.of(SentimentRequest(text)), person=1)
            assert any(isinstance(one.postponed, PostponedFlip) for one in work.result.pages) is has_page


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        ("“good.” ", ("“", "good", ".” ")),
        ("don't ", ("", "don't", " ")),
        ("… ", ("", "… ", "")),
        ("5€, ", ("", "5€", ", ")),
    ],
)
def test_marks_around_words_stay(part: str, parts: tuple[str, str, str]) -> None:
    assert core_of(part) == parts
    assert "".join(around(Units("word", ("It ", part)), 1, "bad")) == f"It {parts[0]}bad{parts[2]}"
