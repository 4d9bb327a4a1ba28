"""Answers side by side: what is marked, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.answering import Loading
from bot.inference.requests import Answer, LabelScore
from bot.inference.together import Outcome, Outcomes
from bot.inference.tokenization.tokens import Token
from bot.replies.comparing.columns import Columns, labels, names, texts, tokens, words
from bot.replies.comparing.differences import by_membership, by_order, by_place, in_common
from bot.replies.comparing.render import preview, render
from bot.replies.formatting.text import units
from bot.tasks.compare import CompareRequest
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from bot.tasks.fill import FillResult, MaskGuess
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.tokenize import TokenizedText, TokenizeResult
from bot.tasks.translate import TranslateResult

LISTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=12), min_size=2, max_size=4)


def sentiment(*scores: tuple[str, float]) -> SentimentResult:
    return SentimentResult(tuple(LabelScore(*one) for one in scores), truncated=False)


def shown(columns: Columns) -> list[str]:
    return ["\n".join(one.lines) for one in columns.columns]


@given(LISTS)
def test_equal_items_are_marked_nowhere_and_others_somewhere(lists: list[list[str]]) -> None:
    for mark in (by_place, by_membership, by_order):
        marks = mark(lists)
        assert [len(one) for one in marks] == [len(one) for one in lists]
        assert not any(map(any, mark([lists[0]] * 3)))
    assert in_common(lists, by_order(lists)) <= 1
    if len({tuple(one) for one in lists}) > 1:
        assert any(map(any, by_order(lists))) or any(not one for one in lists)


@given(LISTS)
def test_what_is_not_marked_is_the_same_text(lists: list[list[str]]) -> None:
    one, other = lists[:2]
    marks = by_order([one, other])
    kept = [
        [item for item, marked in zip(*pair, strict=True) if not marked] for pair in zip(lists, marks, strict=False)
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) >= min(1, len({*one} & {*other}))


def test_labels_are_marked_where_others_have_another_one_in_their_place() -> None:
    found = labels(
        None, [sentiment(("POSITIVE", 0.9), ("NEGATIVE", 0.1)), sentiment(("negative", 0.8), ("positive", 0.2))], 900
    )
    assert found.verdict == "1 says **POSITIVE** and 1 says **negative**."
    assert "__**POSITIVE**__" in shown(found)[0]
    same = labels(None, [sentiment(("POSITIVE", 0.9), ("NEGATIVE", 0.1))] * 3, 900)
    assert (same.verdict, same.marks) == ("All say **POSITIVE**.", False)
    other = labels(None, [sentiment((name, 1.0)) for name in "abc"], 900)
    assert other.verdict == "Each says something else."


def guesses(*found: str) -> tuple[MaskGuess, ...]:
    return tuple(MaskGuess(word, 0.5, f"a {word}", 2) for word in found)


def test_words_are_marked_that_not_all_propose() -> None:
    results = [
        FillResult((guesses("Paris", "London"),), "", truncated=False),
        FillResult((guesses("paris", "Rome"),), "", truncated=False),
    ]
    found = words(None, results, 900)
    assert found.verdict == "Both put **Paris** first."
    assert "__London__" in shown(found)[0]
    assert "__" not in shown(found)[0].splitlines()[0]
    several = [
        FillResult((guesses("a", "b"), guesses("c")), "", truncated=False),
        FillResult((guesses("a"), guesses("d")), "", truncated=False),
    ]
    assert shown(words(None, several, 900))[0].startswith("1. a 50.0")
    assert "__c__" in shown(words(None, several, 900))[0]


def test_entities_are_marked_that_not_all_find() -> None:
    request = EntitiesRequest("Sylvain works in Brooklyn")
    person, place = Entity(0, 7, "PER", 0.9), Entity(17, 25, "LOC", 0.8)
    found = names(
        request, [EntitiesResult((person, place), truncated=False), EntitiesResult((person,), truncated=False)], 900
    )
    assert found.verdict == "They agree on 1 of 2 names."
    assert "__**Brooklyn** · place__" in shown(found)[0]
    assert "__" not in shown(found)[1]
    nothing = names(request, [EntitiesResult((), truncated=False)] * 2, 900)
    assert nothing.verdict == "None of them finds a name."


def tokenized(*pieces: str) -> Any:
    found = tuple(
        Token(piece, index, special=piece.startswith("["), starts_word=True) for index, piece in enumerate(pieces)
    )
    return TokenizeResult((TokenizedText("", found, 1, 0),), ((1,),), ((1,),), None, 0, "right", "right", 9, 300)


def test_tokens_are_marked_that_others_do_not_have() -> None:
    found = tokens(None, [tokenized("[CLS]", "apples", "are"), tokenized("app", "les", "are")], 900)
    assert shown(found)[0].startswith("__apples__ | are\n2 tokens · vocabulary of 300")
    assert found.verdict == "They need 2 and 3 tokens."
    assert tokens(None, [tokenized("a")] * 2, 900).verdict == "Both cut it into the same tokens."


def translation(text: str) -> TranslateResult:
    return TranslateResult(text, None, None, truncated=False)  # type: ignore[arg-type]  # languages are not shown


def test_texts_are_marked_where_they_differ_unless_they_do_everywhere() -> None:
    found = texts(None, [translation("Ich liebe rote Äpfel."), translation("Ich mag rote Äpfel.")], 900)
    assert shown(found) == ["> Ich __liebe__ rote Äpfel\\.".replace("\\.", "."), "> Ich __mag__ rote Äpfel."]
    assert found.verdict.endswith("of their words in common.")
    apart = texts(None, [translation("a b c d"), translation("e f g h")], 900)
    assert (apart.marks, apart.verdict) == (False, "They have hardly a word in common.")
    assert texts(None, [translation("a b")] * 2, 900).verdict == "Both wrote the same."
    assert shown(texts(None, [translation(""), translation("a")], 900))[0] == "*nothing*"


CHECKPOINTS = ("a" * 80, "b_*`~" * 16, "c", "d")


@pytest.mark.parametrize("text", ["x " * 2_000, "\n".join("word" * 9 for _ in range(90)), "😀*_`|~" * 600])
def test_the_longest_answers_fit_into_an_embed(text: str) -> None:
    request = CompareRequest.of(GenerateRequest(f"word {text[:3_900]}"), CHECKPOINTS)
    results = [
        GenerateResult("", (Continuation(f"{number} {text}", 3, finished=True),), None, truncated=False)
        for number in range(4)
    ]
    outcomes = Outcomes(tuple(Outcome(answer=Answer(one, "x", "cpu", "float32", 1.0)) for one in results))
    reply = render(request, Answer(outcomes, "x, y", "cpu", "float32", 1.0))
    embed = reply.embed
    assert units(embed.description or "") <= 4_096
    assert all(1 <= units(field.value or "") <= 1_024 and units(field.name or "") <= 256 for field in embed.fields)
    assert len(embed) <= 6_000
    assert (
        units(
            "".join(
                [
                    embed.title or "",
                    embed.description or "",
                    embed.footer.text or "",
                    *(f"{one.name}{one.value}" for one in embed.fields),
                ]
            )
        )
        <= 6_000
    )
    assert reply.file is not None
    assert text.strip()[-20:] in reply.file.text
    assert len({button.label for button in reply.buttons}) == 4
    assert all(len(button.label or "") <= 80 for button in reply.buttons)


def test_what_there_is_so_far() -> None:
    request = CompareRequest.of(SentimentRequest("good"), ("a", "b", "c", "d"))
    answer = Answer(sentiment(("POSITIVE", 1.0)), "a", "cpu", "float32", 1.0)
    outcomes = (
        Outcome(answer=answer),
        Outcome(loading=Loading("b", fetching=True, fraction=0.5)),
        Outcome(message="The model failed."),
        Outcome(),
    )
    embed = preview(request, Outcomes(outcomes)).embed
    assert [field.value for field in embed.fields][1:] == [
        "*Downloading b: 50 %.*",
        "\N{WARNING SIGN} The model failed.",
        "*Waiting for its turn …*",
    ]
    assert "say" not in (embed.description or "")  # one answer is no comparison


@pytest.mark.parametrize("chosen", [("a",), ("a", "a"), tuple("abcde")])
def test_two_to_four_different_ones(chosen: tuple[str, ...]) -> None:
    from bot.errors import InvalidRequest

    with pytest.raises(InvalidRequest):
        CompareRequest.of(SentimentRequest("good"), chosen)
