"""The pages about answers that were found in a text, and about texts that were summarised in parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bot.inference.tokenization.tokens import Token
from bot.replies.reply import SHORTENED
from bot.replies.work.text_table import TABLE_WIDTH
from bot.tasks.answer import Location
from bot.tasks.prompts.question_answering import AnswerScore, WrittenAnswer
from bot.tasks.scores import softmax
from bot.tasks.summarization.summarizers import PartSummary
from bot.tasks.summarize import Condensation, Round
from bot.tasks.work.answer import border_page, spans_page, windows_page
from bot.tasks.work.answer_written import quotation_page, weighed_answer_page
from bot.tasks.work.blocks import Page
from bot.tasks.work.summarize import rounds_page
from bot.text.graphemes import Span
from tests.replies.test_work import pointing, shown, text_of


def borders(*logits: float, border: int | None = 10, key: str = "start", window: str = "") -> Page:
    """Of the first token and some of the context, which begins at the tenth."""
    places = [place + 9 if place else 0 for place in range(len(logits))]
    tokens = [Token(f"word{max(place, 9) - 9}", place, not place, True) for place in range(len(logits) + 9)]
    spans = [None if place < 10 else Span(place, place + 1) for place in range(len(tokens))]
    found, probabilities = np.full(len(tokens), 1e9, dtype=np.float32), np.zeros(len(tokens))
    found[places], probabilities[places] = logits, softmax(logits)
    one = replace(pointing(spans, probabilities), logits=np.array([found] * 2))
    return border_page(key, replace(one, borders=None if border is None else (border, border)), tokens, window)


class TestBorders:
    def test_softmax_with_the_numbers_put_in(self) -> None:
        lines = text_of(shown(borders(0.0, -2.5, 1.5))).splitlines()

        assert lines[2] == (
            "3 tokens take part. The other 9, the question's among them, are masked: whatever their logits are, their "
            "probability is 0."
        )
        assert [line.split() for line in lines[4:8]] == [
            ["logit", "p", "#", "token"],
            ["1.50", "80.6%", "11", "word2"],
            ["0.00", "18.0%", "0", "word0", "(special)"],
            ["−2.50", "1.5%", "10", "word1"],
        ]
        assert lines[10:15] == [
            "p(starts with token 10)",
            "= e^(z − max) / Σ e^(z − max)",
            "= e^(−2.500 − 1.500) / 1.241",
            "= 0.018 / 1.241",
            "= 0.0148",
        ]

    def test_an_end_in_a_window(self) -> None:
        reply = shown(borders(-3.0, -2.0, key="end", window="window 2"))

        assert reply.embed.title == "1. End logits"
        assert "2 tokens of window 2 take part." in text_of(reply)
        assert "= e^(−2.000 − (−2.000)) / 1.368" in text_of(reply)

    def test_no_answer_is_likelier_than_nothing(self) -> None:
        assert "p(starts" not in text_of(shown(borders(2000.0, -2000.0, border=None)))

    def test_the_file_has_all_tokens(self) -> None:
        reply = shown(borders(*map(float, range(380))))

        assert "… 368 more" in text_of(reply)
        assert text_of(reply).endswith(str(SHORTENED))
        assert reply.file is not None
        assert "word379" in reply.file.text
        assert "word1\n" in reply.file.text

    @pytest.mark.parametrize("logits", [(-99999.5, -88888.5), (0.0, 1e30), (-1e-9, 1e-9)])
    def test_extreme_numbers_fit_a_phone(self, logits: tuple[float, float]) -> None:
        for block in text_of(shown(borders(*logits))).split("```")[1::2]:
            assert max(map(len, block.splitlines())) <= TABLE_WIDTH


def test_start_times_end() -> None:
    context = "By **Hug** Face `NYC`"
    spans = [*[None] * 12, Span(3, 10), Span(11, 15), Span(16, 17), Span(16, 21)]
    starts, ends = np.zeros(16), np.zeros(16)
    starts[[0, 12]], ends[[0, 13, 15]] = (0.01, 0.8266), (0.02, 0.84, 0.03)
    one = replace(pointing(spans, starts, ends), borders=(12, 13), probability=0.694344)

    reply = shown(spans_page(context, one))

    text = text_of(reply)
    assert "    p  from  to  span\n69.4%    12  13  **Hug** Face\n 2.5%    12  15  **Hug** Face `NYC`\n" in text
    assert "p(answer)\n= p(starts with 12) × p(ends with 13)\n= 0.8266 × 0.8400\n= 0.6943\n" in text
    assert "p(not in the text)\n= p(starts with 0) × p(ends with 0)\n= 0.0100 × 0.0200\n= 0.0002\n" in text
    assert "Tokens 12 to 13 stand for the characters 3 to 14 of the context" in text
    assert text.endswith("“\\*\\*Hug\\*\\* Face”.")
    assert reply.drawing is not None
    assert "**Hug** Face 69.4 %" in reply.drawing.draw().alt
    assert "not in the text < 0.1 %" in reply.drawing.draw().alt


def test_no_span_at_all() -> None:
    text = text_of(shown(spans_page("It", pointing([None, None, Span(0, 2)], (1.0, 0.0, 0.0)))))

    assert "p(answer)" not in text
    assert "= 1.0000 × 1.0000\n= 1.0000" in text
    assert text.endswith("Here no span has a probability.")


def test_windows() -> None:
    spans = [None, Span(3, 11)]
    first = replace(pointing(spans, (0.25, 0.75)), borders=(1, 1), probability=0.75, absent=0.125)
    second = pointing(spans, (1.0, 0.0))

    text = text_of(shown(windows_page("In Brooklyn", Location((first, second), 0, 0), ("window 1", "window 2"))))

    assert "    p    none        in  answer\n75.0%   12.5%  window 1  Brooklyn\n 0.0%  100.0%  window 2\n" in text
    assert "The likeliest answer of all windows is that of window 1, with 0.7500." in text
    assert text.endswith("so of these probabilities the smallest counts: 0.1250, in window 1.")


AFTER, USUAL = np.array([[-0.5, -2.0], [-8.25, -1.5]], dtype=np.float32)
SCORE = AnswerScore((5, 6), AFTER, USUAL, 1.0, 0.998)


class TestQuotation:
    def test_all_three_texts(self) -> None:
        made = WrittenAnswer("In vienna.", (), (), "Vienna", Span(3, 9), SCORE, truncated=False)
        text = text_of(shown(quotation_page("In vienna.", "“Vienna”.", made)))

        assert "Written:\n\n> “Vienna”.\n\nTidied up:\n\n> Vienna\n\nMarked in the context:\n\n> vienna\n\n" in text
        assert "The answer stands in the context: the characters 3 to 8 (counted from 0)." in text

    def test_what_there_is_not_has_no_heading(self) -> None:
        made = WrittenAnswer("In vienna.", (), (), "not in the text", None, None, truncated=False)
        text = text_of(shown(quotation_page("In vienna.", "not in the text", made)))

        assert "Marked" not in text
        assert "Tidied up" not in text


def test_an_answer_is_weighed() -> None:
    tokens = (Token("Vienna", 5, False, True), Token("ese", 6, False, False))
    reply = shown(weighed_answer_page(tokens, SCORE))

    text = text_of(reply)
    assert "log p   base   gain  token\n−0.50  −8.25  +7.75  Vienna\n−2.00  −1.50  −0.50  ·ese\n" in text
    assert "−2.50  −9.75  +7.25  sum\n" in text
    assert "likelier by −2.5000 − (−9.7500) = 7.2500." in text
    assert "sigmoid(7.2500 − 1) = 0.9980, and the rest is that of “not in the text”.\n\nThe neutral text:\n\n> " in text
    assert reply.drawing is not None
    assert "Vienna +7.75, ese −0.50" in reply.drawing.draw().alt


def test_rounds_of_a_summary() -> None:
    one, two, both = (
        PartSummary(text, tokens, True, (5,))
        for text, tokens in (("One @everyone", 80), ("Two", 75), ("One and two " * 20, 60))
    )
    rounds = Round(("a" * 1_500, "b" * 1_400), (), (one, two)), Round(("c" * 157,), (), (both,))
    reply = shown(rounds_page(Condensation(2_900, rounds), len, "It was cut."))

    text = text_of(reply)
    assert "It was cut.\n\nRound 1: 2 parts, with the tokens that were read and written.\n```\n" in text
    assert "part   read  wrote  summary\n   1  1,500     80  One @everyone\n   2  1,400     75  Two\n" in text
    assert "Round 2: 1 part, with" in text
    assert reply.file is not None
    assert ("One and two " * 20).strip() in reply.file.text
