from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.similarity import cosine as number
from bot.replies.results import similarity
from bot.replies.results.similarity import line
from bot.tasks.similarity import SimilarityRequest, SimilarityResult
from tests.replies.test_renderers import WRITTEN, answer, assert_within_limits, valid


def result(*cosines: float) -> SimilarityResult:
    """Of three texts: the first and the second, the first and the third, the second and the third."""
    a, b, c = cosines
    return SimilarityResult(((1.0, a, b), (a, 1.0, c), (b, c, 1.0)), truncated=False)


def test_two_texts() -> None:
    request = SimilarityRequest(("A *cat* sleeps.", "It rains."))

    reply = similarity.render(request, answer(SimilarityResult(((1.0, -0.034), (-0.034, 1.0)), truncated=True)))

    assert reply.embed.title == "Cosine similarity −0.03"
    assert reply.embed.description == f"> A \\*cat\\* sleeps.\n\n> It rains.\n\n{line(-0.034)}\n\n{similarity.SCALE}"
    assert reply.drawing is None
    assert "longest text exceeds" in (reply.embed.footer.text or "")


def test_a_ranking() -> None:
    request = SimilarityRequest(("A cat sleeps.", "It rains.", "A dog sleeps."))

    reply = similarity.render(request, answer(result(0.1, 0.83, 0.2)))

    assert reply.embed.title == "Most alike: A dog sleeps."
    assert reply.embed.description == "\n".join(
        ["> A cat sleeps.", "", f"{line(0.83)} **A dog sleeps.**", f"{line(0.1)} It rains.", "", str(similarity.SCALE)]
    )
    assert "A cat sleeps." not in (reply.embed.title or "")


def test_all_with_each_other_and_a_picture() -> None:
    request = SimilarityRequest(("A cat sleeps.", "It rains.", "A dog sleeps."), ranked=False)

    reply = similarity.render(request, answer(result(0.1, 0.83, 0.2)))

    assert reply.embed.title == "3 texts"
    lines = (reply.embed.description or "").split("\n")
    assert lines[:3] == ["`1` A cat sleeps.", "`2` It rains.", "`3` A dog sleeps."]
    assert lines[4:7] == [f"{line(0.83)} 1 and 3", f"{line(0.2)} 2 and 3", f"{line(0.1)} 1 and 2"]
    assert reply.drawing is not None
    picture = reply.drawing.draw()
    assert picture.png.startswith(b"\x89PNG")
    assert "“A cat sleeps.” and “A dog sleeps.” 0.83" in picture.alt
    assert reply.file is None


def test_many_texts_are_attached_with_the_whole_table() -> None:
    texts = tuple(f"text {index}" for index in range(12))
    cosines = tuple(map(tuple, np.eye(12).tolist()))

    reply = similarity.render(SimilarityRequest(texts, ranked=False), answer(SimilarityResult(cosines, False)))

    assert "… and 54 more pairs" in (reply.embed.description or "")
    assert reply.file is not None
    assert reply.file.text.count("1.00") == 12
    assert "[12] text 11" in reply.file.text


@pytest.mark.parametrize(("cosine", "shown"), [(1.0, "1.00"), (-0.001, "0.00"), (-0.5, "−0.50"), (0.126, "0.13")])
def test_numbers(cosine: float, shown: str) -> None:
    assert number(cosine) == shown


def test_bars_align() -> None:
    assert len({len(line(cosine)) for cosine in (-1.0, -0.2, 0.0, 0.33, 1.0)}) == 1


@given(st.lists(WRITTEN, min_size=2, max_size=12), st.booleans(), st.floats(-1, 1))
@settings(max_examples=50)
def test_limits(texts: list[str], ranked: bool, cosine: float) -> None:
    if (request := valid(lambda: SimilarityRequest(tuple(texts), ranked))) is not None:
        size = len(request.texts)
        reply = similarity.render(request, answer(SimilarityResult(((cosine,) * size,) * size, truncated=True)))
        assert_within_limits(reply)
