"""The pages of explanations: their contents, and that they keep Discord's limits whatever the texts are."""

from __future__ import annotations

import math
import typing
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.inference.heads.encoder_head import EncoderInput
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.inspection.hidden_states import LayerStates
from bot.inference.heads.inspection.layer_lens import Lens
from bot.inference.heads.pooling import PoolingMode
from bot.inference.heads.question_answering import Window
from bot.inference.operations import Row, TaskRun, run_task
from bot.inference.requests import Answer, LabelScore, Request, Result
from bot.inference.tokenization.tokens import Token
from bot.pictures.picture import Picture
from bot.replies.formatting.text import units
from bot.replies.reply import SHORTENED, Draft, Reply
from bot.replies.work import pictures
from bot.replies.work.blocks import plain_page
from bot.replies.work.numbers import cell, decimal, percent, signed
from bot.replies.work.numbers import written as written_in_words
from bot.replies.work.offer import work_of
from bot.replies.work.path import path_page
from bot.replies.work.render import render
from bot.replies.work.text_table import TABLE_WIDTH, TextTable, code_block, cut_to, wrapped
from bot.tasks.answer import Location, ScoredWindow
from bot.tasks.entities import Entity, TaggedWord, WordGroup
from bot.tasks.fill import FillRequest, FillResult, MaskGuess
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.names.candidates import CandidateName
from bot.tasks.names.kinds import WeighedName, WeighedNames
from bot.tasks.prompts.cloze import Proposal, WeighedMask
from bot.tasks.prompts.question_answering import AnswerScore, WrittenAnswer
from bot.tasks.scores import Floats, sigmoid, softmax
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.summarization.summarizers import PartSummary
from bot.tasks.summarize import Condensation, Round
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.work import blocks
from bot.tasks.work.answer import border_page, spans_page, windows_page
from bot.tasks.work.answer_written import quotation_page, weighed_answer_page
from bot.tasks.work.blocks import Page, Postponed, PostponedFlip, PostponedWriting, WrittenShares, column, table
from bot.tasks.work.budget import Weighed
from bot.tasks.work.changes import Asked, Change
from bot.tasks.work.coalitions import Table, exact
from bot.tasks.work.ending import ending_page
from bot.tasks.work.entities import (
    LabelledToken,
    entities_page,
    example_page,
    labelled_page,
    names_page,
    questions_page,
    words_page,
)
from bot.tasks.work.explanations import EXPLANATIONS
from bot.tasks.work.fill import mask_page, rescored_page
from bot.tasks.work.flip_page import flip_page
from bot.tasks.work.flipping import Flip, Search
from bot.tasks.work.layers import pages_of_lens
from bot.tasks.work.pages import PAGES, decided, decision_page, explanation, logits_page, page, text_page, weighed_page
from bot.tasks.work.reading import hidden_page, tokens_page
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.similarity import cosines_page, pooling_page, product_page
from bot.tasks.work.summarize import rounds_page
from bot.tasks.work.texts import Form
from bot.tasks.work.token_pairs import token_pairs_page
from bot.tasks.work.units import Units
from bot.tasks.work.word_evidence import Proof, scores_page
from bot.tasks.work.written_pages import Alternative, WrittenToken, least_certain_page, written_pages
from bot.tasks.work.written_shares import of_word
from bot.tasks.work.zeroshot import entailment_page
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from bot.text.graphemes import Span
from tests.replies.test_renderers import WRITTEN, assert_within_limits

REQUEST = WorkRequest.of(SentimentRequest("I love to hate this course"))
LIKELIEST = Sampling.likeliest()
DRAWN = Sampling(0.8, 0.95, 0)


def token(text: str, number: int = 5, *, special: bool = False, starts_word: bool = True) -> Token:
    return Token(text, number, special, starts_word)


ROW = (token("[CLS]", 101, special=True), token("lov", 7), token("ing", 8, starts_word=False), token("|", 9))
POSTPONED = page("attribution", Postponed("POSITIVE", "What is explained: the log-odds.", 1))
PROOF = Proof(("a", "b"), "c", 0.875, 0.25, 0.75, 8)


def weighed_words(*parts: str) -> Page:
    """What words mattered, of a number that counts characters."""

    def value(text: str) -> TaskRun[Floats]:
        yield from ()
        return np.array([len(text) - 3.0])

    found = Table(Units("word", parts), value)
    run_task(found.fill_all())
    proof = replace(PROOF, words=parts[:2], text=parts[0])
    return scores_page(Weighed(found, exact(found)), proof, Postponed(parts[0], parts[0], 0))


LOGITS = logits_page(("NEGATIVE", "POSITIVE"), (-1.5, 0.5), softmax([-1.5, 0.5]).tolist())


def layered(text: str) -> tuple[Page, ...]:
    """The pages of the layers."""
    likely, shares = np.linspace(0.1, 0.9, 3, dtype=np.float32), np.linspace(-2, 2, 3)
    direct = Lens(1, 2, np.array([2, 2, 1]), likely, likely, shares, shares, 0.1, True, 0.9)
    lenses = (direct, replace(direct, is_direct=False))
    texts = {1: text, 2: f"b{text}"}
    found = (pages_of_lens(lens, texts, lambda token, other: f"{token}, {other}", "bfloat16", text) for lens in lenses)
    return tuple(page for pages in found for page in pages)


def sample(text: str) -> tuple[Page, ...]:
    """Every page, with a text wherever people's or a model's words can stand."""
    row = (token(text), *ROW)
    proposals = (Proposal(text, -12.5, -3.0, 0.75), Proposal("b", -14.0, 0.0, 0.25))
    written = WrittenToken(token(text), 0.25, 0.5, (Alternative(text, 3, 0.25),) * 5, 17)
    candidates = (Alternative(text, 3, 0.5, 0.75), Alternative("b", 4, 0.25, 0.0))
    return (
        text_page(text, text, text),
        tokens_page((row, row), (text, text), (2, 5), text),
        *(page(key, table(column("", ["model type"]), column("", [text]))) for key in FAMILIES),
        hidden_page(LayerStates("encoder", (1, 5, 512), (1.0, 2.5, 3.25), (1.0, 3.5, 300.0), (1.5, 2.0)), text),
        *layered(text),
        LOGITS,
        logits_page((text,), (0.3,), (0.5744,), independent=True),
        mask_page(1, 3, (token(text), token(text)), (1.5, -1.5), (0.25, 0.125), [(token(text), 0.5)] * 9),
        rescored_page(1, WeighedMask(text, text, proposals, truncated=False)),
        entailment_page((text, "neutral", "entailment"), (text,), ((0.1, 0.2, 0.3),), (1.0,), text),
        weighed_page((text, "b"), np.array([(-4.0, -6.0), (-5.5, -5.5), (1.5, -0.5), (0.8, 0.2)]), text),
        *written_pages((written,) * 3, DRAWN, text, ended=False, lengths=(12, 9)),
        *written_pages((written,), LIKELIEST, ended=True),
        least_certain_page(candidates, 1, DRAWN, 0, name=text),
        *(least_certain_page(candidates, chosen, LIKELIEST, 0) for chosen in (0, 1)),
        POSTPONED,
        page("pairs", Postponed("POSITIVE", text, 0)),
        page("made-it-write", PostponedWriting(text, (1, 2))),
        *flipping(text),
        way(text),
        weighed_words(text, "b", "c"),
        made_it_write(text),
        of_word(made_it_write(text), 1),
        ending(text, 12, text),
        *labelled(text),
        *compared(text),
        *extracted(text),
        decision_page(*decided(text, text, 0.875)),
    )


def made_it_write(text: str) -> Page:
    """A text in two parts, after which three words were written."""
    rows = ((0.5, -0.25), (12.25, 3.0), (0.0, 0.0))
    shares = WrittenShares("word", (text, "b"), (text, "c", text), (-20.0,) * 3, (-1.0,) * 3, rows, rows, add_up=True)
    return page("made-it-write", shares)


STATES = (np.eye(1, 2), np.eye(2))
"""Hidden states of one token, and of two."""
FAMILIES = ("encoder", "decoder", "encoder-decoder")


def ending(why: str, tokens: int, rest: str) -> Page:
    """The answer takes nine of these tokens, of a letter each; the last one has the whole rest."""

    def decoded(ids: Sequence[int]) -> str:
        return f"{'a' * 9}{rest}" if len(ids) == tokens else "a" * len(ids)

    return ending_page(why, range(tokens), decoded, decoded, 9)


def labelled(text: str) -> tuple[Page, ...]:
    """Every page of `/entities`."""
    first = LabelledToken(token(text), text, (1.5, -0.5), (0.88, 0.12))
    special = LabelledToken(ROW[0], None, (0.5, 0.25), (0.56, 0.44))
    word = TaggedWord(0, len(text), (0, 2), text, 0.88)
    return (
        example_page(("NEGATIVE", "POSITIVE"), first, 1),
        labelled_page((text, "B-PER"), (special, first)),
        words_page([(word, [first, first]), (word, [first])], marked=True),
        words_page([(word, [first])], marked=False),
        entities_page(text, [WordGroup((word,) * 5, Entity(0, len(text), text, 0.88))], 1),
        entities_page(text, [], 3),
        questions_page(weighed_name(text)),
        names_page(WeighedNames((weighed_name(text, 2),) * 3, truncated=True)),
    )


def weighed_name(
    name: str,
    times: int = 1,
    log_probs: Sequence[float] = (-3.5,) * 4,
    shares: Sequence[float] = (0.25,) * 4,
    scores: Sequence[float] = (0.0,) * 4,
) -> WeighedName:
    """A name about which both questions have the same answers."""
    answers, parts = np.array([log_probs] * 2), np.array([shares] * 2)
    found = CandidateName(name, (Span(0, 1),) * times, name)
    leaning = np.zeros((2, 4))
    return WeighedName(found, (name, name), answers, parts, answers, leaning, np.array(scores), np.array(shares))


def compared(text: str) -> tuple[Page, ...]:
    """Every page of `/similarity`."""
    pooled, units = np.array([[3.0, -4.0, 0.0, 0.0]] * 3), np.array([[0.6, -0.8, 0.0, 0.0]] * 3)
    return (
        pooling_page(PoolingMode.MEAN, (text,) * 3, (12,) * 3, pooled, np.full(3, 5.0), units),
        pooling_page(PoolingMode.CLS, (text,), (12,), pooled[:1], np.array([5.0]), units[:1]),
        product_page((0, 1), units, 1.0),
        token_pairs_page((1, 2), ((token(text),), (token("b"), token(text))), STATES, 1.0),
        cosines_page((text, "b"), np.array([[1.0, -0.25], [-0.25, 1.0]]), ranked=True),
    )


def flipping(text: str) -> tuple[Page, ...]:
    """What would flip a label, before it is computed and after."""
    asked, exchanged = Asked(lambda text, alone: iter(())), Change((0,), text, text)  # type: ignore[arg-type,return-value]
    asked.known[text] = np.array([0.25, 0.75])
    tried = Search(Units("word", (text, "b")), asked, 0, np.array([0.75, 0.25]), [Change((0,), "", text)], [exchanged])
    tried.flip = Flip(exchanged, asked.known[text])
    return page("flip", PostponedFlip(text)), flip_page(tried, (text, "b"), finer=True)


def way(text: str) -> Page:
    """The map of a request's way."""
    row = (token(text), *ROW)
    pages = explanation(
        text_page(text, text),
        tokens_page((row, row), (text, text), (2, 5)),
        LOGITS,
        decision_page(*decided("", text, 0.5)),
    )
    return path_page(REQUEST, Answer(pages, "tiny", "cpu", "float32", 0.01, waited=0.25, rows=3))


def test_the_map_counts_as_people_do() -> None:
    def facts(*pages: Page) -> list[str]:
        picture = path_page(REQUEST, Answer(explanation(*pages), "tiny", "cpu", "float32", 0.01)).picture
        assert isinstance(picture, blocks.Path)
        return [written_in_words(one.fact) for one in picture.stations if one.page is not None]

    [written] = written_pages([WrittenToken(token("a"), 0.9, 1.0, (), 1)], LIKELIEST, ended=True)
    assert facts(text_page("", "ab"), tokens_page((ROW[:1],), ("",), (1, 1)), written) == [
        "2 characters",
        "1 token in",
        "1 token out",
    ]
    assert facts(text_page("", "a", "bc")) == ["3 characters in 2 texts"]


def extracted(text: str) -> tuple[Page, ...]:
    """Every page of `/answer` and `/summarize`."""
    text = text or "a"  # a context is never empty
    whole = Span(0, len(text))
    likely, none = pointing([None, *[whole] * 4], (0.04, *[0.24] * 4)), pointing([None] * 5, (1.0, *[0.0] * 4))
    tokens, borders = (ROW[0], *[token(text)] * 4), replace(likely, borders=(1, 1), probability=0.0576)
    score = AnswerScore((5, 5), np.array([-0.5, -3.0]), np.array([-12.25, -2.0]), 1.0, 0.9)
    long = Round((text, "b"), (), (PartSummary(text, 80, True, (5,)), PartSummary("", 0, True, ())))
    return (
        border_page("start", borders, tokens, text),
        border_page("end", none, tokens),
        spans_page(text, borders),
        spans_page(text, none),
        windows_page(text, Location((borders, none), 0, 0), (text, "window 2")),
        quotation_page(text, text, WrittenAnswer(text, (), (), f"{text}.", whole, score, False)),
        weighed_answer_page((token(text), token(text)), score),
        rounds_page(Condensation(512, (long, Round((text,), (), long.summaries[:1]))), len, text),
    )


def pointing(
    spans: Sequence[Span | None], shares: Sequence[float] | Floats, ends: Floats | None = None
) -> ScoredWindow:
    """A window of the context in which no answer is the likeliest yet; ends are as likely as starts by default."""
    probabilities = np.array([shares, shares if ends is None else ends])
    row = Row(EncoderInput(tuple(range(len(spans))), None, truncated=False), len(spans))
    logits = np.log(np.maximum(probabilities, 1e-9)).astype(np.float32)
    absent = float(probabilities[0, 0] * probabilities[1, 0])
    return ScoredWindow(Window(row, tuple(spans)), logits, probabilities, None, 0.0, absent)


def shown(*pages: Page, number: int = 0, request: WorkRequest = REQUEST) -> Reply:
    return render(request, Answer(explanation(*pages), "tiny", "cpu", "float32", 0.01), number)


def text_of(reply: Reply) -> str:
    return str(reply.embed.description)


def test_the_sample_has_everything() -> None:
    pages = sample("a")
    names = [written_in_words(page.name) for page in pages]

    assert {type(block) for page in pages for block in page.blocks} == set(typing.get_args(blocks.Block))
    drawn = {type(page.picture) for page in pages if page.picture is not None}
    assert drawn == set(typing.get_args(blocks.Picture))
    assert {page.about for page in pages} == {page(key).about for key in PAGES}
    assert all(any(written_in_words(page(key).name) in name for name in names) for key in PAGES)


@pytest.mark.measured_elsewhere
@given(WRITTEN)
@settings(max_examples=15)
def test_no_page_exceeds_a_limit(text: str) -> None:
    found = sample(text)
    for number in range(len(found)):
        reply = shown(*found, number=number)

        assert_within_limits(reply)
        assert units(reply.embed.author.name or "") <= 256
        parts = text_of(reply).split("```")
        assert len(parts) % 2 == 1  # each code block that is opened is closed
        assert "@everyone" not in "".join(parts[0::2])
        assert reply.pages is not None


@pytest.mark.parametrize(
    "text", ["love", "👩\u200d👧 天気", "مرحبا بالعالم", "\n\t\x00", "a" * 4000, "`" * 40, "\ud800"]
)
def test_every_picture_can_be_drawn(text: str) -> None:
    drawn = 0
    for one in sample(text):
        if one.picture is not None:
            picture: Picture = pictures.draw(one.picture)
            assert picture.png.startswith(b"\x89PNG")
            assert 0 < len(picture.alt) <= 1024
            drawn += 1
    assert drawn >= 12


@pytest.mark.parametrize("one", sample("word"), ids=lambda one: written_in_words(one.name))
def test_tables_and_calculations_fit_a_phone(one: Page) -> None:
    answer = Answer(explanation(one), "tiny", "cpu", "float32", 0.01)
    for variant in (None, *range(len(one.variants))):
        for block in text_of(render(REQUEST, answer, 0, variant)).split("```")[1::2]:
            assert max(map(len, block.splitlines())) <= TABLE_WIDTH


class TestTextTable:
    SENTENCE = "The first sentence is longer than a line of a phone can be, and whole."

    def test_a_long_text_is_wrapped(self) -> None:
        rows = (("+12.50", self.SENTENCE), ("−0.25", "東京は日本の首都であり、最も大きな都市でもある。"))
        draft = Draft(0)
        lines = TextTable(("score", "sentence"), rows, lines=3).markdown(draft, 1_000).splitlines()[2:-1]

        assert not draft.cut
        assert [line[:6] for line in lines] == ["+12.50", " " * 6, " " * 6, " −0.25", " " * 6]
        texts = [line[6:].strip() for line in lines]
        assert " ".join(texts[:3]) == self.SENTENCE
        assert "".join(texts[3:]) == rows[1][1]
        assert all(len(line) <= TABLE_WIDTH for line in lines)
        assert all(2 * len(text) <= TABLE_WIDTH - 8 for text in texts[3:])

    def test_more_lines_than_there_may_be_are_cut(self) -> None:
        draft = Draft(0)
        text = TextTable(("score", "sentence"), (("+12.50", self.SENTENCE),), lines=2).markdown(draft, 1_000)

        assert draft.cut
        assert text.endswith("…\n```")

    @pytest.mark.parametrize("text", ["a" * 28, "a" * 29, "a" * 57, "ab " * 30, "\u0e40" * 90, "e\u0301" * 60])
    def test_no_letter_is_lost(self, text: str) -> None:
        found = wrapped(text, 28, 9)
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert len(found) > 1 or len(text) <= 28


class TestTokens:
    def test_page(self) -> None:
        reply = shown(tokens_page((ROW,), (), (1, 4)))

        assert reply.embed.title == "1. Tokens"
        assert "input\\_ids: shape (1, 4), which is (batch, sequence)." in text_of(reply)
        assert text_of(reply).endswith(
            "```\n#   id  token\n0  101  [CLS] (special)\n1    7  lov\n2    8  ·ing\n3    9  |\n```"
        )
        assert reply.file is None

    def test_many_are_cut_and_attached(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(300))

        reply = shown(tokens_page((row,), (), (1, 300)), LOGITS)

        assert "… 268 more" in text_of(reply)
        assert text_of(reply).endswith(str(SHORTENED))
        assert reply.file is not None
        assert "299  299  t299" in reply.file.text
        assert "Logits and softmax" in reply.file.text  # all pages

    def test_several_rows_are_shown_in_part(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(100))

        reply = shown(tokens_page((row,) * 4, ("a", "b", "c", "d"), (4, 100)))

        assert text_of(reply).count("… 92 more") == 4
        assert reply.file is not None
        assert reply.file.text.count("99  99  t99") == 4

    def test_one_more_is_shown_rather_than_announced(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(33))

        reply = shown(tokens_page((row,), (), (1, 33)))

        assert text_of(reply).endswith("32  32  t32\n```")
        assert reply.file is None

    def test_no_name_of_a_row_stands_alone(self) -> None:
        row = tuple(token("a" * 20, number) for number in range(100))
        names = tuple(f"question {number}" for number in range(30))

        text = text_of(shown(tokens_page((row,) * 30, names, (30, 100))))

        assert text.count("question") == text.count("… 92 more\n```") > 3

    def test_rows_are_named(self) -> None:
        reply = shown(tokens_page((ROW, ROW[:2]), ("sports", "politics"), (2, 4)))

        assert "sports: 4 tokens\n```" in text_of(reply)
        assert "politics: 2 tokens\n```" in text_of(reply)


class TestLogits:
    def test_softmax_with_the_numbers_put_in(self) -> None:
        lines = text_of(shown(LOGITS)).splitlines()

        assert lines[2].split() == ["logit", "e^z", "p", "label"]
        assert lines[3].split() == ["0.500", "1.649", "88.1%", "POSITIVE"]
        assert lines[4].split() == ["−1.500", "0.223", "11.9%", "NEGATIVE"]
        assert lines[5].split() == ["1.872", "100.0%", "sum"]
        assert lines[8:13] == ["p(POSITIVE)", "= e^0.500", "  / (e^0.500 + e^−1.500)", "= 1.649 / 1.872", "= 0.8808"]
        assert math.isclose(1.649 / 1.872, softmax([0.5, -1.5])[0], abs_tol=1e-3)

    def test_large_logits_are_shifted(self) -> None:
        values = (400.0, 398.0)
        reply = shown(logits_page(("a", "b"), values, softmax(values).tolist()))

        assert "the largest logit is subtracted" in text_of(reply)
        assert "= 1.000 / 1.135" in text_of(reply)

    def test_a_sum_of_many_is_cut_short(self) -> None:
        values = tuple(float(number) for number in range(28))
        labels = tuple(f"label {number}" for number in range(28))
        reply = shown(logits_page(labels, values, softmax(values).tolist()))

        assert "+ …)" in text_of(reply)
        assert reply.embed.title == "1. Logits and softmax"

    def test_sigmoid(self) -> None:
        probability = float(sigmoid(-2.0))
        reply = shown(logits_page(("toxic",), (-2.0,), (probability,), independent=True))

        assert "= 1 / (1 + e^2.000)\n= 1 / (1 + 7.389)\n= 0.1192" in text_of(reply)

    @pytest.mark.parametrize("value", [1000.0, -1000.0])
    def test_sigmoid_of_anything(self, value: float) -> None:
        assert_within_limits(shown(logits_page(("a",), (value,), (float(sigmoid(value)),), independent=True)))


def test_what_was_left_out_at_a_mask() -> None:
    """Row K1."""
    [word, end, space] = token("apples", 7), (token("</s>", 2, special=True), 0.5), (token(" ", 3), 0.125)
    text = text_of(shown(mask_page(1, 3, (word,), (1.0,), (0.25,), [end, space])))
    assert "are no words: \\</s> (id 2) 50.0%, ␣ (id 3) 12.5%. The words keep their probabilities" in text
    many = text_of(shown(mask_page(1, 3, (word,), (1.0,), (0.25,), [end] * 8)))
    assert "and 3 more. The words" in many
    assert "Left out" not in text_of(shown(mask_page(1, 3, (word,), (1.0,), (0.25,))))


def test_entailment() -> None:
    classes = ("contradiction", "neutral", "entailment")
    logits = ((-1.25, 1.5, 0.5), (0.0, 0.0, 1.5))

    text = text_of(
        shown(entailment_page(classes, ("sports", "food"), logits, (0.25, 0.75), "Softmax of the entailment logits."))
    )

    assert "  con   neu   ent  label\n−1.25  1.50  0.50  sports\n 0.00  0.00  1.50  food\n" in text
    assert "con is contradiction, neu is neutral, ent is entailment" in text
    assert "25.0%  sports\n75.0%  food\n" in text


def test_lengths_are_told_with_the_written_text() -> None:
    written = WrittenToken(token("Hallo"), 0.9, 1.0, (), 1)

    [one] = written_pages([written], LIKELIEST, ended=True, lengths=(12, 9))

    assert written_in_words(one.name) == "Written tokens"
    assert "The encoder read 12 tokens at once. The decoder wrote 9" in plain_page(one)


class TestWritten:
    OTHERS = tuple(Alternative(text, 3, 0.25) for text in (" In", "In", "\n", " ", "  x"))

    def pages(self, *tokens: WrittenToken, sampling: Sampling = LIKELIEST) -> list[str]:
        return list(map(plain_page, written_pages(tokens, sampling, ended=True)))

    def test_others_begin_a_word_or_continue_the_one_before(self) -> None:
        _, others = self.pages(WrittenToken(token("is"), 0.5, 1.0, self.OTHERS, 1))

        assert "or In\n25.0%     or ·In\n25.0%     or ⏎\n25.0%     or ␣\n25.0%     or ␣x" in others

    @pytest.mark.parametrize("drawn_with", [0.0, 0.5])
    def test_what_cannot_be_drawn_is_explained(self, drawn_with: float) -> None:
        [text] = self.pages(WrittenToken(token("is"), 0.5, drawn_with, (), 1), sampling=DRAWN)

        assert ("stood at the border of top_p" in text) == (drawn_with == 0)

    def test_behind_a_line_break_there_is_no_word_to_continue(self) -> None:
        _, others = self.pages(WrittenToken(token("The"), 0.5, 1.0, self.OTHERS, 1, apart=True))

        assert "or ␣In\n25.0%     or In\n25.0%     or ⏎\n25.0%     or ␣\n25.0%     or ␣␣x" in others

    def test_nothing_was_written(self) -> None:
        [text] = self.pages()

        assert text.endswith("The model wrote nothing.")


class TestDistribution:
    CANDIDATES = (Alternative(" Rome", 3, 0.5, 0.5), Alternative("Rome", 4, 0.25, 0.0))

    def page(self, chosen: int, temperature: float) -> Page:
        return least_certain_page(self.CANDIDATES, chosen, Sampling(temperature, 1.0, 0), 0)

    def test_nothing_is_drawn_where_the_likeliest_is_taken(self) -> None:
        one = self.page(0, 0.0)

        assert "Nothing was drawn at random: the likeliest token was taken." in plain_page(one)
        assert plain_page(one).count("least") == 2  # in the name, and once more
        assert one.picture is not None
        assert pictures.draw(one.picture).alt == "What could be token 1: Rome (written) 50.0 %, ·Rome 25.0 %."

    def test_another_than_the_likeliest_is_explained(self) -> None:
        text = plain_page(self.page(1, 0.0))

        assert "the likeliest token was taken" not in text
        assert "a rule of the checkpoint decided, such as beam search, or rounding" in text

    def test_a_probability_that_stayed_is_not_called_changed(self) -> None:
        assert "Temperature 0.8 and top_p 1 left its 50.0% as it was." in plain_page(self.page(0, 0.8))
        text = plain_page(self.page(1, 0.8))
        assert "turned its 25.0% into 0.0%. What was drawn although it has 0.0% stood" in text

    @pytest.mark.parametrize("before", [0.0, 1e-5, 0.49999, 0.50001, 0.9999, 1.0])
    @pytest.mark.parametrize("after", [0.0, 1e-5, 0.5, 0.9999, 1.0])
    def test_it_stayed_if_both_numbers_look_alike(self, before: float, after: float) -> None:
        one = least_certain_page([Alternative("a", 3, before, after)], 0, DRAWN, 0)

        assert ("as it was" in plain_page(one)) == (percent(before) == percent(after))


def test_long_vectors_have_commas() -> None:
    states = LayerStates("", (1, 5, 512), (2.5, 998.7, 1091.2), (2.5, 22312.0, 9.0), (47.6, 30.25))
    reply = shown(hidden_page(states, "prompt 1"))

    lines = [
        "  2.50         2.50  embeddings",
        "998.70       22,312  layer 1",
        " 1,091         9.00  layer 2",
        " 47.60        30.25  final norm",
    ]
    assert "\n".join(lines) in text_of(reply)
    assert "This is the row “prompt 1”, read alone." in text_of(reply)


def test_of_a_long_text_the_part_that_says_more_is_shown() -> None:
    text = "first" + " word" * 2_000 + " last"
    start = text_of(shown(text_page("How.", text)))
    end = text_of(shown(text_page("How.", text, to_end=True)))

    assert "> first word" in start
    assert "last" not in start
    assert "> …" in end
    assert "word last" in end
    assert "first" not in end


def test_an_ending_tells_what_was_cut_off() -> None:
    cut = text_of(shown(ending("It went in circles.", 1_200, "\n\n**Again** and\nagain")))
    whole = text_of(shown(ending("The model ended it.", 12, " \n")))

    assert "It went in circles.\n\nThe answer takes 9 of the 1,200 written tokens. This was cut off:\n" in cut
    assert cut.endswith("> \\*\\*Again\\*\\* and\n> again")
    assert whole.endswith("\n\nThe model ended it.")


class TestPostponed:
    PAGES = (text_page("b", "a"), POSTPONED, decision_page(*decided("One.", "POSITIVE", 0.875)))
    COMPUTED = weighed_words("loving ", "it")

    def test_has_the_name_of_what_it_stands_for(self) -> None:
        assert POSTPONED.name == self.COMPUTED.name
        assert [one.postponed is not None for one in self.PAGES] == [False, True, False]
        assert self.COMPUTED.postponed is None

    def test_says_that_it_is_being_computed(self) -> None:
        reply = shown(*self.PAGES, number=1)

        assert "Computing: the model reads the text dozens of times" in text_of(reply)
        assert reply.drawing is None

    def test_the_file_says_that_it_is_not_there(self) -> None:
        row = tuple(token(f"t{number}", number) for number in range(300))
        cut = tokens_page((row,), (), (1, 300))

        before, after = shown(cut, POSTPONED).file, shown(cut, self.COMPUTED).file

        assert before is not None
        assert after is not None
        assert "Not in this file: this is computed when its page is opened." in before.text
        assert "Computing" not in before.text
        assert "+6.500  loving" in after.text

    def test_which_pages_are(self) -> None:
        found = [explanation(*self.PAGES).page_at(number) for number in (-1, 0, 1, 2, 9)]

        assert [number for number, _ in found] == [0, 0, 1, 2, 2]  # for one that does not exist, the nearest
        assert [one.postponed is not None for _, one in found] == [False, False, True, False, False]

    def test_turning_on_asks_for_no_more_than_before(self) -> None:
        reply = shown(self.COMPUTED, LOGITS, request=replace(REQUEST, evidence=True))

        assert reply.pages is not None
        assert reply.pages.request == REQUEST


def test_pages_of_one_name_are_told_apart() -> None:
    names = [written_in_words(one.name) for one in explanation(text_page("b", "a"), LOGITS, text_page("d", "c")).pages]

    assert names == ["Text (1)", "Logits and softmax", "Text (2)"]


@pytest.mark.parametrize(
    ("number", "title"),
    [(-1, "0. The way of the request"), (0, "1. Text"), (1, "2. Logits and softmax"), (99, "2. Logits and softmax")],
)
def test_a_page_that_does_not_exist(number: int, title: str) -> None:
    assert shown(text_page("b", "a"), LOGITS, number=number).embed.title == title


class TestTable:
    def test_rows_that_are_not_shown_make_no_column_wider(self) -> None:
        table = TextTable(("p", "name"), (("0.5", "a"), ("−1.2e−05", "b"), ("0.1", "c")), most=1)

        assert table.markdown(Draft(0), 500) == "```\n  p  name\n0.5  a\n… 2 more\n```"
        assert "−1.2e−05  b\n     0.1  c" in table.plain()

    def test_wide_letters_do_not_bend_it(self) -> None:
        table = TextTable(("p", "word"), (("1%", "天" * 40), ("100%", "a")))

        lines = table.plain().splitlines()
        assert lines == ["   p  word", f"  1%  {'天' * 40}", "100%  a"]
        assert cut_to("天" * 40, 11) == "天" * 5 + "…"

    def test_right_to_left_lines_stay_in_order(self) -> None:
        assert TextTable(("p", "word"), (("1%", "مرحبا"),)).plain().splitlines()[1] == "\u200e1%  مرحبا"

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
    assert [cell(value, Form.SIGNED_TWO) for value in (0.0026, -0.0026, 0.0, -1.0)] == ["0.00", "0.00", "0.00", "−1.00"]
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
        assert work.checkpoint_task == "sentiment"

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
        assert "tokenize" not in EXPLANATIONS
        assert work_of(TokenizeRequest(("a",)), Result()) is None
        assert work_of(REQUEST, Result()) is None
