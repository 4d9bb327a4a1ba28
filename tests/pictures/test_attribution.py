from __future__ import annotations

import pytest

from bot.pictures.attribution import MOST_TOKENS, ScoredToken, attribution
from bot.pictures.palette import evidence, luminance
from tests.pictures.support import count, decoded, pixels

SENTENCE = ["[CLS]", "i", "love", "to", "hate", "this", "course", "[SEP]"]
SCORES = [0.0, 0.08, 1.92, -0.21, -2.63, 0.14, -0.35, 0.0]


def scored(words: list[str] = SENTENCE, scores: list[float] = SCORES) -> list[ScoredToken]:
    return [ScoredToken(word, score) for word, score in zip(words, scores, strict=True)]


def test_the_alt_text_names_the_strongest_words() -> None:
    picture = attribution(scored(), "POSITIVE", "Which words mattered", "They add up to −1.05.")

    assert picture.alt == (
        "Which words mattered. Which of 8 tokens spoke for POSITIVE. "
        "Most for it: “love” +1.92, “this” +0.14 and “i” +0.08. "
        "Most against it: “hate” −2.63, “course” −0.35 and “to” −0.21. They add up to −1.05."
    )


def test_evidence_for_and_against_differ_without_colour() -> None:
    """The same token with the same score: for and against differ in grey."""
    for_it, against_it = (attribution([ScoredToken("love", score)], "POSITIVE") for score in (1.5, -1.5))
    grey = [decoded(picture).convert("L") for picture in (for_it, against_it)]

    assert grey[0].size == grey[1].size
    box = (40, 40, 80, 80)  # within the token's background
    brightest = [image.crop(box).getextrema() for image in grey]
    assert brightest[0] != brightest[1]
    assert luminance(evidence(1)) < luminance(evidence(-1)) / 3


def test_bars_point_up_for_and_down_against() -> None:
    rows = []
    for score in (1.5, -1.5):
        picture = attribution([ScoredToken("love", score), ScoredToken("x", 0)], "POSITIVE")
        drawn = pixels(picture)[92:150, 40:100]  # below the token, above the numbers
        coloured = (abs(drawn - evidence(score)).max(axis=2) <= 6).any(axis=1).nonzero()[0]
        rows.append((coloured.min(), coloured.max()))

    assert rows[0][1] <= rows[1][0]


@pytest.mark.parametrize("score", [1.0, -1.0])
def test_the_strongest_token_has_the_full_colour(score: float) -> None:
    strong = attribution([ScoredToken("word", score)], "A")
    weak = attribution([ScoredToken("word", score / 10), ScoredToken("x", -score)], "A")

    assert count(strong, evidence(score)) > count(weak, evidence(score)) + 1000


def test_a_long_sentence_is_cut_but_all_of_it_is_ranked() -> None:
    words = [f"word{index}" for index in range(MOST_TOKENS * 4)]
    picture = attribution(scored(words, [float(index) for index in range(len(words))]), "A")

    decoded(picture)
    assert f"“word{MOST_TOKENS * 4 - 1}”" in picture.alt


@pytest.mark.parametrize("scores", [[0.0] * 8, [float("nan")] * 8, [float("inf"), *[-0.0] * 7], [1e-300] * 8])
def test_scores_that_say_nothing(scores: list[float]) -> None:
    decoded(attribution(scored(scores=scores), "A"))


def test_no_token() -> None:
    picture = attribution([], "A")

    decoded(picture)
    assert "Most for it: none." in picture.alt
