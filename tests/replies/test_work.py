"""The pages of the work: what each shows, and that it keeps Discord's limits whatever the texts are."""

from __future__ import annotations

import math
import typing
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inference.heads.inspection.integrated_gradients import LabelLogit, Stretch
from bot.inference.heads.pooling import PoolingMode
from bot.inference.requests import Answer, Request, Result
from bot.inference.tokenization.tokens import Token
from bot.pictures.picture import Picture
from bot.replies.formatting.text import units
from bot.replies.reply import SHORTENED, Draft, Reply
from bot.replies.work.blocks import TABLE_WIDTH, Table, code_block, cut_to
from bot.replies.work.numbers import decimal, percent, signed
from bot.replies.work.offer import work_of
from bot.replies.work.page import Page
from bot.replies.work.pages import MAKERS, is_postponed, pages_of
from bot.replies.work.render import render
from bot.tasks.fill import FillRequest, FillResult, MaskGuess
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.scores import LabelScore, sigmoid, softmax
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.work import pieces
from bot.tasks.work.pieces import (
    Architecture,
    Attribution,
    Candidate,
    Cosines,
    Decision,
    Distribution,
    DotProduct,
    Edge,
    EdgeLogits,
    EdgeToken,
    Ending,
    Family,
    Function,
    HiddenStates,
    Inference,
    Inferences,
    LabelledToken,
    LabelledTokens,
    LabelledWord,
    LabelledWords,
    Lengths,
    Logits,
    MaskCandidates,
    NameKinds,
    OmittedAttribution,
    PartSummary,
    Pooled,
    PooledText,
    PossibleAnswer,
    PostponedAttribution,
    Prepared,
    Product,
    Question,
    Questions,
    Quotation,
    RescoredCandidate,
    RescoredCandidates,
    Reshaped,
    Span,
    SpanCandidate,
    SpanCandidates,
    Spans,
    SummaryRounds,
    TokenLogits,
    Tokens,
    WeighedAnswer,
    WeighedLabel,
    WeighedLabels,
    WeighedNames,
    WeighedToken,
    WindowAnswer,
    WindowAnswers,
    Work,
    Written,
    WrittenToken,
)
from bot.tasks.work.request import WorkRequest, explanations
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from tests.replies.test_renderers import WRITTEN, assert_within_limits

REQUEST = WorkRequest.of(SentimentRequest("I love to hate this course"))


def token(text: str, number: int = 5, *, special: bool = False, starts_word: bool = True) -> Token:
    return Token(text, number, special, starts_word)


ROW = (token("[CLS]", 101, special=True), token("lov", 7), token("ing", 8, starts_word=False), token("|", 9))
POSTPONED = PostponedAttribution(
    "POSITIVE", Stretch((101, 7, 8, 9), None, (101, 0, 0, 9), LabelLogit(1)), (1, 2), "mask tokens", "the logit"
)
LOGITS = Logits(("NEGATIVE", "POSITIVE"), (-1.5, 0.5), Function.SOFTMAX, tuple(softmax([-1.5, 0.5]).tolist()))


def sample(text: str) -> tuple[pieces.Piece, ...]:
    """A piece of every kind, with a text wherever people's or a model's words can stand."""
    row = (token(text), *ROW)
    candidate = Candidate(text, 3, 1.5, 0.25)
    written = WrittenToken(token(text), 0.25, 0.5, (candidate,) * 5, 17)
    return (
        Prepared((text, text), text),
        Tokens((row, row), (text, text), (2, 5), truncated=True, note=text),
        Architecture(Family.ENCODER_DECODER, text, 6, 6, 8, 512, 60_000_000, 32_000, 512),
        HiddenStates("encoder", (1, 5, 512), (1.0, 2.5, 3.25), text),
        LOGITS,
        Logits((text,), (0.3,), Function.SIGMOID, (0.5744,)),
        MaskCandidates(1, 3, (candidate, replace(candidate, logit=None))),
        RescoredCandidates(1, text, (RescoredCandidate(text, -12.5, 0.75, -3.0), RescoredCandidate("b", -14.0, 0.25))),
        Inferences((text, "neutral", "entailment"), (Inference(text, text, (0.1, 0.2, 0.3), 1.0),), text),
        WeighedLabels((WeighedLabel(text, -4.0, -5.5, 1.5, 0.8), WeighedLabel("b", -6.0, -5.5, -0.5, 0.2)), text),
        Lengths(12, 9),
        Written(text, (written,) * 3, 0.8, 0.95, ended=False),
        Written("", (written,), 0.0, 1.0, ended=True),
        Distribution(text, 0, (Reshaped(text, 3, 0.5, 0.75), Reshaped("b", 4, 0.25, 0.0)), 1, 0.8, 0.95),
        Distribution("", 0, (Reshaped(text, 3, 0.5, 1.0), Reshaped("b", 4, 0.25, 0.0)), 0, 0.0, 1.0),
        POSTPONED,
        OmittedAttribution(200, 128),
        Attribution(text, row, (0.5, -0.25, 0.125, 0.0, 0.25), 0.625, text),
        Ending(text, 12, 9, text),
        *labelled(text),
        *compared(text),
        *extracted(text),
        Decision(text, text, 0.875),
    )


def labelled(text: str) -> tuple[pieces.Piece, ...]:
    """A piece of every kind of `/entities`."""
    first = LabelledToken(token(text), text, (1.5, -0.5), (0.88, 0.12))
    special = LabelledToken(ROW[0], None, (0.5, 0.25), (0.56, 0.44))
    word = LabelledWord(text, (first, first), text, 0.88)
    answer = PossibleAnswer(text, -3.5, 0.25)
    return (
        TokenLogits(token(text), 1, LOGITS),
        LabelledTokens((text, "B-PER"), (special, first)),
        LabelledWords((word, replace(word, tokens=(first,))), marked=True),
        LabelledWords((word,), marked=False),
        Spans((Span(text, 0, 4, text, (word,) * 5, 0.88),), 1),
        Spans((), 3),
        Questions(text, (Question(text, (answer,) * 4),) * 2),
        WeighedNames((text, "O"), "O", (NameKinds(text, 2, (1.0, -1.0), (0.88, 0.12)),) * 3, truncated=True),
    )


def compared(text: str) -> tuple[pieces.Piece, ...]:
    """A piece of every kind of `/similarity`."""
    pooled = PooledText(text, 12, (3.0, -4.0, 0.0, 0.0), 5.0, (0.6, -0.8, 0.0, 0.0))
    return (
        Pooled(PoolingMode.MEAN, (pooled,) * 3),
        Pooled(PoolingMode.CLS, (pooled,)),
        DotProduct((0, 1), (Product(1, -0.8, -0.8), Product(0, 0.6, 0.6)), 1.0),
        Cosines((text, "b"), ((1.0, -0.25), (-0.25, 1.0)), ranked=True),
    )


def extracted(text: str) -> tuple[pieces.Piece, ...]:
    """A piece of every kind of `/answer` and `/summarize`."""
    edges = (EdgeToken(0, ROW[0], -1.5, 0.0474), EdgeToken(3, token(text), 1.5, 0.9526))
    span = SpanCandidate(text, 3, 3, 0.9526, 0.9526, 0.9074)
    absent = SpanCandidate("not in the text", 0, 0, 0.0474, 0.0474, 0.0022)
    return (
        EdgeLogits(Edge.START, text, edges, 1, 3),
        EdgeLogits(Edge.END, "", edges, None, 3),
        SpanCandidates(text, (span,) * 8, absent, text),
        SpanCandidates("", (), absent, text),
        WindowAnswers((WindowAnswer(text, text, 0.9074, 0.0022), WindowAnswer("window 2", "", 0.0, 1.0)), text),
        Quotation(text, text, text, text),
        WeighedAnswer((WeighedToken(token(text), -0.5, -12.25), WeighedToken(token(text), -3.0, -2.0)), text, text),
        SummaryRounds(((PartSummary(500, 80, text), PartSummary(12, 0, "")), (PartSummary(80, 20, text),)), text),
    )


def shown(*found: pieces.Piece, number: int = 0, request: WorkRequest = REQUEST) -> Reply:
    return render(request, Answer(Work("sentiment", found), "tiny", "cpu", "float32", 0.01), number)


def text_of(reply: Reply) -> str:
    return str(reply.embed.description)


def test_every_kind_of_piece_has_a_page() -> None:
    kinds = set(typing.get_args(pieces.Piece))

    assert {type(piece) for piece in sample("a")} == kinds
    assert set(MAKERS) | {Lengths, Written, Decision} == kinds


@pytest.mark.measured_elsewhere
@given(WRITTEN)
@settings(max_examples=15)
def test_no_page_exceeds_a_limit(text: str) -> None:
    found = sample(text)
    with pytest.MonkeyPatch.context() as patch:
        # One page is asked for at a time, and all are made for each.
        patch.setattr("bot.replies.work.render.pages_of", once := lru_cache(1)(pages_of))
        for page in range(len(once(Work("sentiment", found)))):
            reply = shown(*found, number=page)

            assert_within_limits(reply)
            assert units(reply.embed.author.name or "") <= 256
            blocks = text_of(reply).split("```")
            assert len(blocks) % 2 == 1  # each code block that is opened is closed
            assert "@everyone" not in "".join(blocks[0::2])
            assert reply.pages is not None
    assert once.cache_info().misses == 1


@pytest.mark.parametrize(
    "text", ["love", "👩\u200d👧 天気", "مرحبا بالعالم", "\n\t\x00", "a" * 4000, "`" * 40, "\ud800"]
)
def test_every_picture_can_be_drawn(text: str) -> None:
    drawn = 0
    for page in pages_of(Work("sentiment", sample(text))):
        if page.draw is not None:
            picture: Picture = page.draw()
            assert picture.png.startswith(b"\x89PNG")
            assert 0 < len(picture.alt) <= 1024
            drawn += 1
    assert drawn >= 12


@pytest.mark.parametrize("piece", sample("word"), ids=lambda piece: type(piece).__name__)
def test_tables_fit_a_phone(piece: pieces.Piece) -> None:
    for block in text_of(shown(piece)).split("```")[1::2]:
        assert max(map(len, block.splitlines())) <= TABLE_WIDTH


class TestTokens:
    def test_page(self) -> None:
        reply = shown(Tokens((ROW,), (), (1, 4), truncated=False))

        assert reply.embed.title == "1. Tokens"
        assert "input\\_ids: shape (1, 4), which is (batch, sequence)." in text_of(reply)
        assert text_of(reply).endswith(
            "```\n#   id  token\n0  101  [CLS] (special)\n1    7  lov\n2    8  ·ing\n3    9  |\n```"
        )
        assert reply.file is None

    def test_many_are_cut_and_attached(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(300))

        reply = shown(Tokens((row,), (), (1, 300), truncated=False), LOGITS)

        assert "… 268 more" in text_of(reply)
        assert text_of(reply).endswith(SHORTENED)
        assert reply.file is not None
        assert "299  299  t299" in reply.file.text
        assert "Logits and softmax" in reply.file.text  # all pages

    def test_several_rows_are_shown_in_part(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(100))

        reply = shown(Tokens((row,) * 4, ("a", "b", "c", "d"), (4, 100), truncated=False))

        assert text_of(reply).count("… 92 more") == 4
        assert reply.file is not None
        assert reply.file.text.count("99  99  t99") == 4

    def test_one_more_is_shown_rather_than_announced(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(33))

        reply = shown(Tokens((row,), (), (1, 33), truncated=False))

        assert text_of(reply).endswith("32  32  t32\n```")
        assert reply.file is None

    def test_no_name_of_a_row_stands_alone(self) -> None:
        row = tuple(token("a" * 20, number) for number in range(100))
        names = tuple(f"question {number}" for number in range(30))

        text = text_of(shown(Tokens((row,) * 30, names, (30, 100), truncated=False)))

        assert text.count("question") == text.count("… 92 more\n```") > 3

    def test_rows_are_named(self) -> None:
        reply = shown(Tokens((ROW, ROW[:2]), ("sports", "politics"), (2, 4), truncated=False))

        assert "sports: 4 tokens\n```" in text_of(reply)
        assert "politics: 2 tokens\n```" in text_of(reply)


class TestLogits:
    def test_softmax_with_the_numbers_put_in(self) -> None:
        lines = text_of(shown(LOGITS)).splitlines()

        assert lines[2].split() == ["logit", "e^z", "p", "label"]
        assert lines[3].split() == ["0.500", "1.649", "88.1%", "POSITIVE"]
        assert lines[4].split() == ["−1.500", "0.223", "11.9%", "NEGATIVE"]
        assert lines[5].split() == ["1.872", "100.0%", "sum"]
        assert lines[8:13] == [
            "p(POSITIVE)",
            "= e^0.500",
            "  / (e^0.500 + e^−1.500)",
            "= 1.649 / 1.872",
            "= 0.8808",
        ]
        assert math.isclose(1.649 / 1.872, softmax([0.5, -1.5])[0], abs_tol=1e-3)

    def test_large_logits_are_shifted(self) -> None:
        values = (400.0, 398.0)
        reply = shown(Logits(("a", "b"), values, Function.SOFTMAX, tuple(softmax(values).tolist())))

        assert "the largest logit is subtracted" in text_of(reply)
        assert "= 1.000 / 1.135" in text_of(reply)

    def test_a_sum_of_many_is_cut_short(self) -> None:
        values = tuple(float(number) for number in range(28))
        labels = tuple(f"label {number}" for number in range(28))
        reply = shown(Logits(labels, values, Function.SOFTMAX, tuple(softmax(values).tolist())))

        assert "+ …)" in text_of(reply)
        assert reply.embed.title == "1. Logits and softmax"

    def test_sigmoid(self) -> None:
        probability = float(sigmoid(-2.0))
        reply = shown(Logits(("toxic",), (-2.0,), Function.SIGMOID, (probability,)))

        assert "= 1 / (1 + e^2.000)\n= 1 / (1 + 7.389)\n= 0.1192" in text_of(reply)

    @pytest.mark.parametrize("value", [1000.0, -1000.0])
    def test_sigmoid_of_anything(self, value: float) -> None:
        assert_within_limits(shown(Logits(("a",), (value,), Function.SIGMOID, (float(sigmoid(value)),))))


def test_what_was_left_out_at_a_mask() -> None:
    """Row K1."""
    [word, end, space] = [
        Candidate("apples", 7, 1.0, 0.25),
        Candidate("</s>", 2, 3.0, 0.5),
        Candidate(" ", 3, 2.0, 0.125),
    ]
    text = text_of(shown(MaskCandidates(1, 3, (word,), (end, space))))
    assert "are no words: \\</s> (id 2) 50.0%, ␣ (id 3) 12.5%. The words keep their probabilities" in text
    many = text_of(shown(MaskCandidates(1, 3, (word,), (end,) * 8)))
    assert "and 3 more. The words" in many
    assert "Left out" not in text_of(shown(MaskCandidates(1, 3, (word,))))


def test_entailment() -> None:
    classes = ("contradiction", "neutral", "entailment")
    rows = (
        Inference("sports", "This is sports.", (-1.25, 1.5, 0.5), 0.25),
        Inference("food", "…", (0.0, 0.0, 1.5), 0.75),
    )

    text = text_of(shown(Inferences(classes, rows, "Softmax of the entailment logits.")))

    assert "  con   neu   ent  label\n−1.25  1.50  0.50  sports\n 0.00  0.00  1.50  food\n" in text
    assert "con is contradiction, neu is neutral, ent is entailment" in text
    assert "25.0%  sports\n75.0%  food\n" in text


def test_lengths_are_told_with_the_written_text() -> None:
    written = Written("", (WrittenToken(token("Hallo"), 0.9, 1.0, (), 1),), 0.0, 1.0, ended=True)

    with_text = pages_of(Work("translate", (Lengths(12, 9), written)))
    alone = pages_of(Work("translate", (Lengths(12, 9),)))

    assert [page.name for page in with_text] == ["Written tokens"]
    assert "The encoder read 12 tokens at once. The decoder wrote 9" in with_text[0].plain
    assert [page.name for page in alone] == ["Lengths"]


class TestWritten:
    OTHERS = tuple(Candidate(text, 3, 1.5, 0.25) for text in (" In", "In", "\n", " ", "  x"))

    def pages(self, *tokens: WrittenToken) -> list[str]:
        return [page.plain for page in pages_of(Work("chat", (Written("", tokens, 0.0, 1.0, ended=True),)))]

    def test_others_begin_a_word_or_continue_the_one_before(self) -> None:
        _, others = self.pages(WrittenToken(token("is"), 0.5, 1.0, self.OTHERS, 1))

        assert "or In\n25.0%     or ·In\n25.0%     or ⏎\n25.0%     or ␣\n25.0%     or ␣x" in others

    @pytest.mark.parametrize("drawn_with", [0.0, 0.5])
    def test_what_cannot_be_drawn_is_explained(self, drawn_with: float) -> None:
        tokens = (WrittenToken(token("is"), 0.5, drawn_with, (), 1),)

        [page] = pages_of(Work("chat", (Written("", tokens, 0.8, 0.95, ended=True),)))

        assert ("stood at the border of top_p" in page.plain) == (drawn_with == 0)

    def test_behind_a_line_break_there_is_no_word_to_continue(self) -> None:
        _, others = self.pages(WrittenToken(token("The"), 0.5, 1.0, self.OTHERS, 1, apart=True))

        assert "or ␣In\n25.0%     or In\n25.0%     or ⏎\n25.0%     or ␣\n25.0%     or ␣␣x" in others


class TestDistribution:
    CANDIDATES = (Reshaped(" Rome", 3, 0.5, 0.5), Reshaped("Rome", 4, 0.25, 0.0))

    def page(self, chosen: int, temperature: float) -> Page:
        [page] = pages_of(Work("chat", (Distribution("", 0, self.CANDIDATES, chosen, temperature, 1.0),)))
        return page

    def test_nothing_is_drawn_where_the_likeliest_is_taken(self) -> None:
        page = self.page(0, 0.0)

        assert "Nothing was drawn at random: the likeliest token was taken." in page.plain
        assert page.plain.count("least") == 2  # in the name, and once more
        assert page.draw is not None
        assert page.draw().alt == "What could be token 1: Rome (written) 50.0 %, ·Rome 25.0 %."

    def test_another_than_the_likeliest_is_explained(self) -> None:
        page = self.page(1, 0.0)

        assert "the likeliest token was taken" not in page.plain
        assert "a rule of the checkpoint decided, such as beam search, or rounding" in page.plain

    def test_a_probability_that_stayed_is_not_called_changed(self) -> None:
        assert "Temperature 0.8 and top_p 1 left its 50.0% as it was." in self.page(0, 0.8).plain
        assert "turned its 25.0% into 0.0%. What was drawn although it has 0.0% stood" in self.page(1, 0.8).plain


def test_long_vectors_have_commas() -> None:
    piece = HiddenStates("", (1, 5, 512), (2.5, 998.7, 1091.2), "prompt 1")

    reply = shown(piece)

    assert "  2.50  embeddings\n998.70  layer 1\n 1,091  layer 2" in text_of(reply)
    assert "This is the row “prompt 1”, read alone." in text_of(reply)


def test_of_a_long_text_the_part_that_says_more_is_shown() -> None:
    text = "first" + " word" * 2_000 + " last"
    start = text_of(shown(Prepared((text,), "How.")))
    end = text_of(shown(Prepared((text,), "How.", to_end=True)))

    assert "> first word" in start
    assert "last" not in start
    assert "> …" in end
    assert "word last" in end
    assert "first" not in end


def test_an_ending_tells_what_was_cut_off() -> None:
    cut = text_of(shown(Ending("It went in circles.", 1_200, 9, "\n\n**Again** and\nagain")))
    whole = text_of(shown(Ending("The model ended it.", 12, 12)))

    assert "It went in circles.\n\nThe answer takes 9 of the 1,200 written tokens. This was cut off:\n" in cut
    assert cut.endswith("> \\*\\*Again\\*\\* and\n> again")
    assert whole.endswith("\n\nThe model ended it.")


class TestPostponed:
    PIECES = (Prepared(("a",), "b"), POSTPONED, Decision("One.", "POSITIVE", 0.875))
    COMPUTED = Attribution("POSITIVE", ROW[1:3], (0.5, -0.25), 0.25, "by hand")

    def test_has_the_name_and_the_place_of_what_it_stands_for(self) -> None:
        before = pages_of(Work("sentiment", self.PIECES))
        after = pages_of(Work("sentiment", (self.PIECES[0], self.COMPUTED, self.PIECES[2])))

        assert [page.name for page in before] == [page.name for page in after]
        assert [page.postponed for page in before] == [False, True, False]
        assert not any(page.postponed for page in after)

    def test_says_that_it_is_being_computed(self) -> None:
        reply = shown(*self.PIECES, number=1)

        assert "Computing: the model reads the text dozens of times" in text_of(reply)
        assert reply.drawing is None

    def test_the_file_says_that_it_is_not_there(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(300))
        cut = Tokens((row,), (), (1, 300), truncated=False)

        before, after = shown(cut, POSTPONED).file, shown(cut, self.COMPUTED).file

        assert before is not None
        assert after is not None
        assert "Not in this file: this is computed when its page is opened." in before.text
        assert "Computing" not in before.text
        assert "+0.500  lov" in after.text

    def test_which_pages_are(self) -> None:
        work = Work("sentiment", self.PIECES)

        assert [is_postponed(work, number) for number in (-1, 0, 1, 2, 9)] == [False, False, True, False, False]
        assert is_postponed(Work("sentiment", (Prepared(("a",), "b"), POSTPONED)), 9)  # the last one is shown
        assert not is_postponed(Work("sentiment", (self.COMPUTED,)), 0)

    def test_turning_on_asks_for_no_more_than_before(self) -> None:
        reply = shown(self.COMPUTED, LOGITS, request=replace(REQUEST, evidence=True))

        assert reply.pages is not None
        assert reply.pages.request == REQUEST


def test_decisions_share_a_page() -> None:
    [text, decision] = pages_of(
        Work("translate", (Prepared(("a",), "b"), Decision("One."), Decision("Two.", "x", 0.5)))
    )

    assert [text.name, decision.name] == ["Text", "Decision"]
    assert "One.\n\nTwo.\n\n" in decision.plain


def test_pages_of_one_name_are_told_apart() -> None:
    names = [page.name for page in pages_of(Work("fill", (Prepared(("a",), "b"), Prepared(("c",), "d"))))]

    assert names == ["Text (1)", "Text (2)"]


@pytest.mark.parametrize(
    ("number", "title"), [(-1, "1. Text"), (1, "2. Logits and softmax"), (99, "2. Logits and softmax")]
)
def test_a_page_that_does_not_exist(number: int, title: str) -> None:
    assert shown(Prepared(("a",), "b"), LOGITS, number=number).embed.title == title


class TestTable:
    def test_rows_that_are_not_shown_make_no_column_wider(self) -> None:
        table = Table(("p", "name"), (("0.5", "a"), ("−1.2e−05", "b"), ("0.1", "c")), most=1)

        assert table.markdown(Draft(0), 500) == "```\n  p  name\n0.5  a\n… 2 more\n```"
        assert "−1.2e−05  b\n     0.1  c" in table.plain()

    def test_wide_letters_do_not_bend_it(self) -> None:
        table = Table(("p", "word"), (("1%", "天" * 40), ("100%", "a")))

        lines = table.plain().splitlines()
        assert lines == ["   p  word", f"  1%  {'天' * 40}", "100%  a"]
        assert cut_to("天" * 40, 11) == "天" * 5 + "…"

    def test_right_to_left_lines_stay_in_order(self) -> None:
        assert Table(("p", "word"), (("1%", "مرحبا"),)).plain().splitlines()[1] == "\u200e1%  مرحبا"

    @given(st.text(alphabet="`ab\n", max_size=60))
    def test_backticks_do_not_end_it(self, text: str) -> None:
        assert code_block([text])[4:-4].count("``") == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (-1.5, "−1.500"),
        (1e-9, "1.0e−09"),
        (123456.0, "1.2e+05"),
        (math.nan, "unknown"),
    ],
)
def test_decimals(value: float, said: str) -> None:
    assert decimal(value) == said


def test_signs_and_percentages() -> None:
    assert [signed(value, 2) for value in (1.0, -1.0, 0.0)] == ["+1.00", "−1.00", "0.00"]
    assert [percent(value) for value in (0.5, 0.99999, 1.0)] == ["50.0%", ">99.9%", "100.0%"]


class TestOffer:
    def test_what_was_written_goes_along(self) -> None:
        result = GenerateResult(
            "Once", (Continuation(" upon", 1, True, (5, 0)), Continuation(" more", 1, False, (6,))), None, False
        )

        work = work_of(GenerateRequest("Once"), result)

        assert work is not None
        assert work.written == ((5, 0), (6,))
        assert work.about == GenerateRequest("Once")

    def test_nothing_was_written(self) -> None:
        work = work_of(SentimentRequest("good"), SentimentResult((LabelScore("POSITIVE", 1.0),), truncated=False))
        assert work is not None
        assert work.written == ()
        assert work.checkpoint == "sentiment"

    @pytest.mark.parametrize(
        ("request_", "result", "said"),
        [
            (
                SentimentRequest("good"),
                SentimentResult((LabelScore("POSITIVE", 0.75), LabelScore("NEGATIVE", 0.25)), truncated=False),
                (LabelScore("POSITIVE", 0.75),),
            ),
            (
                ZeroShotRequest("good", ("a", "b")),
                ZeroShotResult((LabelScore("b", 0.625), LabelScore("a", 0.5)), multi_label=True, truncated=False),
                (LabelScore("b", 0.625),),
            ),
            (
                FillRequest("___ is ___."),
                FillResult(
                    (
                        (MaskGuess("It", 0.5, "It is good.", 0), MaskGuess("He", 0.25, "He is good.", 0)),
                        (MaskGuess("good", 0.75, "It is good.", 6),),
                    ),
                    "It is good.",
                    truncated=False,
                ),
                (LabelScore("It", 0.5), LabelScore("good", 0.75)),
            ),
            (GenerateRequest("Once"), GenerateResult("Once", (Continuation(" a", 1, True, (5,)),), None, False), ()),
            (SentimentRequest("good"), SentimentResult((LabelScore("POSITIVE", math.nan),), truncated=False), ()),
        ],
    )
    def test_what_was_said_goes_along(self, request_: Request[Any], result: Any, said: tuple[LabelScore, ...]) -> None:
        work = work_of(request_, result)

        assert work is not None
        assert work.answered == said

    def test_what_cannot_be_opened(self) -> None:
        assert "tokenize" not in explanations()
        assert work_of(TokenizeRequest(("a",)), Result()) is None
        assert work_of(REQUEST, Result()) is None
