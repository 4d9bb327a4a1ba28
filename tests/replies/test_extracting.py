"""The pages about answers that were found in a text, and about texts that were summarised in parts."""

from __future__ import annotations

import pytest

from bot.inference.tokenization.tokens import Token
from bot.replies.reply import SHORTENED
from bot.replies.work.text_table import TABLE_WIDTH
from bot.tasks.scores import softmax
from bot.tasks.work.answer import border_page, spans_page, windows_page
from bot.tasks.work.answer_written import quotation_page, weighed_answer_page
from bot.tasks.work.blocks import Page
from bot.tasks.work.summarize import rounds_page
from tests.replies.test_work import shown, text_of


def borders(*logits: float, border: int | None = 10, key: str = "start", window: str = "") -> Page:
    """Of the first token and some of the context, which begins at the tenth."""
    places = [place + 9 if place else 0 for place in range(len(logits))]
    tokens = [Token(f"word{place}", place, not place, True) for place in range(len(logits))]
    return border_page(key, places, tokens, logits, softmax(logits).tolist(), border, 9, window)


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
        assert text_of(reply).endswith(SHORTENED)
        assert reply.file is not None
        assert "word379" in reply.file.text
        assert "word1\n" in reply.file.text

    @pytest.mark.parametrize("logits", [(-99999.5, -88888.5), (0.0, 1e30), (-1e-9, 1e-9)])
    def test_extreme_numbers_fit_a_phone(self, logits: tuple[float, float]) -> None:
        for block in text_of(shown(borders(*logits))).split("```")[1::2]:
            assert max(map(len, block.splitlines())) <= TABLE_WIDTH


def test_start_times_end() -> None:
    reply = shown(
        spans_page(
            ["Hugging Face", "Face in `Brooklyn`"],
            [(12, 13), (13, 15)],
            [0.694344, 0.025],
            [(0.8266, 0.84), (0.01, 0.02)],
            0.0002,
            "Tokens 12 to 13 stand for **the** characters 10 to 21.",
        )
    )

    text = text_of(reply)
    assert "    p  from  to  span\n69.4%    12  13  Hugging Face\n 2.5%    13  15  Face in `Brooklyn`\n" in text
    assert "p(answer)\n= p(starts with 12) × p(ends with 13)\n= 0.8266 × 0.8400\n= 0.6943\n" in text
    assert "p(not in the text)\n= p(starts with 0) × p(ends with 0)\n= 0.0100 × 0.0200\n= 0.0002\n" in text
    assert text.endswith("Tokens 12 to 13 stand for \\*\\*the\\*\\* characters 10 to 21.")
    assert reply.drawing is not None
    assert "Hugging Face 69.4 %" in reply.drawing.draw().alt
    assert "not in the text < 0.1 %" in reply.drawing.draw().alt


def test_no_span_at_all() -> None:
    text = text_of(shown(spans_page([], [], [], [(1.0, 1.0)], 1.0, "None.")))

    assert "p(answer)" not in text
    assert "= 1.0000 × 1.0000\n= 1.0000" in text


def test_windows() -> None:
    names, texts = ("window 1", "window 2"), ("Brooklyn", "")

    text = text_of(shown(windows_page(names, texts, (0.75, 0.0), (0.125, 1.0), "The best one counts.")))

    assert "    p    none        in  answer\n75.0%   12.5%  window 1  Brooklyn\n 0.0%  100.0%  window 2\n" in text
    assert text.endswith("The best one counts.")


class TestQuotation:
    def test_all_three_texts(self) -> None:
        text = text_of(shown(quotation_page("“Vienna”.", "Vienna", "vienna", "It stands there.")))

        assert "Written:\n\n> “Vienna”.\n\nTidied up:\n\n> Vienna\n\nMarked in the context:\n\n> vienna\n\n" in text
        assert text.endswith("It stands there.")

    def test_what_there_is_not_has_no_heading(self) -> None:
        text = text_of(shown(quotation_page("not in the text", "not in the text", "", "No.")))

        assert "Marked" not in text


def test_an_answer_is_weighed() -> None:
    tokens = (Token("Vienna", 5, False, True), Token("ese", 6, False, False))
    reply = shown(weighed_answer_page(tokens, (-0.5, -2.0), (-8.25, -1.5), "It rained.", "That is more than 1."))

    text = text_of(reply)
    assert "log p   base   gain  token\n−0.50  −8.25  +7.75  Vienna\n−2.00  −1.50  −0.50  ·ese\n" in text
    assert "−2.50  −9.75  +7.25  sum\n" in text
    assert text.endswith("That is more than 1.\n\nThe neutral text:\n\n> It rained.")
    assert reply.drawing is not None
    assert "Vienna +7.75, ese −0.50" in reply.drawing.draw().alt


def test_rounds_of_a_summary() -> None:
    first = [(1_500, 80, "One @everyone"), (1_400, 75, "Two")]
    reply = shown(rounds_page([first, [(157, 60, "One and two " * 20)]], "It was cut."))

    text = text_of(reply)
    assert "It was cut.\n\nRound 1: 2 parts, with the tokens that were read and written.\n```\n" in text
    assert "part   read  wrote  summary\n   1  1,500     80  One @everyone\n   2  1,400     75  Two\n" in text
    assert "Round 2: 1 part, with" in text
    assert reply.file is not None
    assert ("One and two " * 20).strip() in reply.file.text
