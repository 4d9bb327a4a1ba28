from __future__ import annotations

from itertools import pairwise

import pytest

from bot.pictures.bars import MOST_BARS, Unit, bars
from bot.pictures.confidence import CHOSEN, LEAST_LIKELY, LEVELS, Alternative, GeneratedToken, confidence_text
from bot.pictures.distribution import Candidate, distribution
from bot.pictures.norms import layer_norms, rounded
from bot.pictures.palette import ACCENT, SECOND
from tests.pictures.support import count, decoded, part, pixels


def test_bars_are_said_with_their_numbers() -> None:
    picture = bars(["POSITIVE", "NEGATIVE"], [0.9987, 0.0013], "Probabilities")

    decoded(picture)
    assert picture.alt == "Probabilities: POSITIVE 99.9 %, NEGATIVE 0.1 %."


def test_logits_have_a_sign_and_run_to_both_sides() -> None:
    picture = bars(["POSITIVE", "NEGATIVE"], [-4.27, 4.61], "Logits", Unit.NUMBER)

    assert picture.alt == "Logits: POSITIVE −4.27, NEGATIVE +4.61."
    drawn = pixels(picture)
    columns = [(abs(drawn - colour).max(axis=2) <= 6).any(axis=0).nonzero()[0] for colour in (SECOND, ACCENT)]
    assert columns[0].max() <= columns[1].min()


def test_bars_are_as_long_as_their_values() -> None:
    half, quarter = (count(bars(["A"], [value]), ACCENT) for value in (0.5, 0.25))

    assert half == pytest.approx(2 * quarter, rel=0.05)


def test_many_bars_are_cut() -> None:
    picture = bars([f"label {index}" for index in range(50)], [1 / 50] * 50)

    assert f"and {50 - MOST_BARS} more" in picture.alt
    assert decoded(picture).size == decoded(bars(["a"] * 60, [0.1] * 60)).size


def test_marked_bars_stand_out_instead_of_the_largest() -> None:
    picture = bars(["as it is", "bad → good"], [0.9, 0.2], "NEGATIVE", marks=["", "flips"])

    assert picture.alt == "NEGATIVE: as it is 90.0 %, bad → good flips 20.0 %."
    # Bold type has more ink; the bars are as long as they are without marks, but for the room of the word.
    plain = bars(["as it is", "bad → good"], [0.9, 0.2], "NEGATIVE", marks=["", ""])
    top, bottom = (slice(0, -60), slice(-60, None))
    assert (pixels(picture)[top] != pixels(plain)[top]).any()
    assert (pixels(picture)[bottom] != pixels(plain)[bottom]).any()
    with pytest.raises(ValueError, match="zip"):
        bars(["A", "B"], [1, 0], marks=["x"])


def test_bars_need_a_value_each() -> None:
    with pytest.raises(ValueError, match="zip"):
        bars(["A", "B"], [1])


def test_norms_are_said_by_layer() -> None:
    picture = layer_norms([14.2, 17.84, 120.0])

    decoded(picture)
    assert picture.alt == "Length (L2 norm) of the hidden states, median: embeddings 14.20, layers 1 to 2: 17.84, 120."
    assert count(picture, SECOND) > 1000


def test_large_norms_have_no_powers_of_ten() -> None:
    assert [rounded(value) for value in (0.0, 2.5, 250.0, 1_000.0, 30_000.0, 2e6)] == [
        "0",
        "2.5",
        "250",
        "1,000",
        "30,000",
        "2e+06",
    ]


@pytest.mark.parametrize("norms", [[], [0.0], [1e-9, 3e12], [float("nan"), 2.0], [5.0] * 97])
def test_norms_of_any_model(norms: list[float]) -> None:
    decoded(layer_norms(norms))


CANDIDATES = [Candidate(" Paris", 0.42, 0.7), Candidate(" the", 0.18, 0.3), Candidate(" a", 0.11, 0)]


def test_a_distribution_says_before_and_after() -> None:
    picture = distribution(CANDIDATES, "temperature 0.7, top_p 0.9", chosen=1)

    decoded(picture)
    assert picture.alt == (
        "temperature 0.7, top_p 0.9. Probabilities of the next token, the model's own and after the settings: "
        "“Paris” 42.0 % to 70.0 %, “the” 18.0 % to 30.0 % and “a” 11.0 % and cut off. Drawn: “the”."
    )


def test_what_was_cut_off_is_hollow() -> None:
    kept = [Candidate("a", 0.5, 0.5), Candidate("b", 0.5, 0.5)]
    cut = [Candidate("a", 0.5, 0.5), Candidate("b", 0.5, 0)]

    assert count(distribution(cut), SECOND) < 0.7 * count(distribution(kept), SECOND)


def test_no_candidates() -> None:
    decoded(distribution([]))


OTHERS = (Alternative(" basics", 0.19), Alternative(" different", 0.11))
WRITTEN = [GeneratedToken(" In", 0.99), GeneratedToken(" this", 0.6), GeneratedToken(" tok", 0.02, OTHERS)]


def test_the_least_certain_tokens_are_said_with_what_else_could_have_stood_there() -> None:
    picture = confidence_text(WRITTEN, "How sure")

    decoded(picture)
    assert picture.alt == (
        "How sure. 3 generated tokens, coloured by probability. "
        "Least likely: “tok” 2.0 % (instead of “basics” 19.0 %), “this” 60.0 % and “In” 99.0 %. The text: In this tok"
    )


def test_each_level_of_certainty_has_its_colour() -> None:
    for level in LEVELS:
        picture = confidence_text([GeneratedToken("wwwwww", level.least + 0.01)])
        others = [count(picture, other.fill, 2) for other in LEVELS if other is not level]
        assert count(picture, level.fill, 2) > max(others) + 500


def test_bars_of_alternatives_have_no_level_s_colour() -> None:
    for probability in (0.05, 0.4, 0.87):
        listed = confidence_text([GeneratedToken("w", probability, OTHERS)])
        alone = confidence_text([GeneratedToken("w", probability)])
        for level in LEVELS:
            assert count(listed, level.fill, 2) <= count(alone, level.fill, 2) + 20


def test_no_number_lies_across_a_bar() -> None:
    picture = confidence_text([GeneratedToken("w", 0.899, (Alternative("v", 0.1),))])
    columns = (abs(pixels(picture) - CHOSEN).max(axis=2) <= 6).any(axis=0).nonzero()[0]

    number = part(picture, columns.max() / 2 + 8, 80, 45, picture.height / 2 - 80)
    assert (number.max(axis=2) < 100).any()
    assert not (abs(number - CHOSEN).max(axis=2) <= 6).any()


def test_certainty_differs_without_colour() -> None:
    grey = [sum(level.fill) / 3 for level in LEVELS]
    lines = [level.line for level in LEVELS]

    assert all(lighter - darker >= 20 for lighter, darker in pairwise(grey))
    assert lines == sorted(set(lines))


def test_only_the_least_certain_have_their_alternatives_listed() -> None:
    tokens = [GeneratedToken(" a", 0.1, OTHERS)] * LEAST_LIKELY
    more = [*tokens, GeneratedToken(" a", 0.8, OTHERS)]

    assert confidence_text(tokens).height == confidence_text(more).height


def test_a_text_of_many_lines_does_not_grow_for_ever() -> None:
    decoded(confidence_text([GeneratedToken("line\n", 0.5, OTHERS)] * 500))
