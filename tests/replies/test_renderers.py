"""Every command's reply: what it shows, and that it keeps Discord's limits whatever the texts are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.requests import Answer, LabelScore
from bot.replies.formatting.bars import bar_line
from bot.replies.formatting.text import bold, quoted, units, visible
from bot.replies.reply import Colour, Reply, duration
from bot.replies.results import fill, generate, sentiment, translate, zeroshot
from bot.tasks.fill import FillRequest, completed
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from bot.tasks.translation.language_detection import Detection, LanguageGuess
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from bot.text.characters import CURSOR
from tests.replies.test_text import TEXTS, live
from tests.support import unescape

T = TypeVar("T")

WRITTEN = st.one_of(
    st.text(max_size=300),
    st.tuples(st.sampled_from(["*", "a ", "\n> ", "@everyone ", "👩‍👧", "x", "[a](b) "]), st.integers(1, 500)).map(
        lambda pair: pair[0] * pair[1]
    ),
)
SCORES = st.lists(st.builds(LabelScore, WRITTEN, st.floats(0, 1)), min_size=1, max_size=40).map(tuple)
BOOLEANS = st.booleans()


def answer(result: T, note: str | None = None) -> Answer[T]:
    return Answer(result, "tiny", "cpu", "float32", 0.0341, note)


def scores(**probabilities: float) -> tuple[LabelScore, ...]:
    return tuple(LabelScore(label, value) for label, value in probabilities.items())


def valid(make: Callable[[], T]) -> T | None:
    try:
        return make()
    except InvalidRequest:
        return None


def assert_within_limits(reply: Reply) -> None:
    embed = reply.embed
    assert units(embed.title or "") <= 256
    assert units(embed.description or "") <= 4096
    assert len(embed.fields) <= 25
    for field in embed.fields:
        assert 0 < units(field.name or "") <= 256
        assert 0 < units(field.value or "") <= 1024
    assert units(embed.footer.text or "") <= 2048
    parts = [embed.title, embed.description, embed.footer.text]
    parts += [part for field in embed.fields for part in (field.name, field.value)]
    assert sum(units(part or "") for part in parts) <= 6000
    if reply.file is not None:
        reply.file.text.encode("utf-8")


class TestSentiment:
    def test_reply(self) -> None:
        result = SentimentResult(scores(NEGATIVE=0.8312, POSITIVE=0.1688), truncated=False)

        reply = sentiment.render(SentimentRequest("I love to *hate* this course"), answer(result))

        assert reply.embed.title == "NEGATIVE"
        assert reply.embed.description == "\n".join(
            [
                "> I love to \\*hate\\* this course",
                "",
                bar_line(0.8312, "**NEGATIVE**"),
                bar_line(0.1688, "POSITIVE"),
            ]
        )
        assert reply.embed.colour is not None
        assert reply.embed.colour.value == Colour.NEGATIVE
        assert reply.embed.footer.text == "tiny · cpu float32 · 34 ms"
        assert reply.file is None

    @pytest.mark.parametrize(
        ("label", "colour"),
        [("POSITIVE", Colour.POSITIVE), ("negative", Colour.NEGATIVE), ("joy", Colour.SENTIMENT)],
    )
    def test_colours_tell_the_outcome(self, label: str, colour: int) -> None:
        reply = sentiment.render(
            SentimentRequest("text"), answer(SentimentResult((LabelScore(label, 1),), truncated=False))
        )

        assert reply.embed.colour == discord.Colour(colour)

    def test_footer_tells_what_is_to_know(self) -> None:
        result = SentimentResult(scores(POSITIVE=1), truncated=True)

        reply = sentiment.render(SentimentRequest("text"), answer(result, note="Knows only English."))

        assert reply.embed.footer.text == (
            "tiny · cpu float32 · 34 ms\nKnows only English.\n"
            "The end of the text exceeds this model's context and was not read."
        )

    def test_a_long_text_is_attached_whole(self) -> None:
        text = "word " * 799
        reply = sentiment.render(SentimentRequest(text), answer(SentimentResult(scores(POSITIVE=1), truncated=False)))

        assert "word…\n" in (reply.embed.description or "")
        assert reply.file is not None
        assert reply.file.name == "sentiment.txt"
        assert reply.file.text.startswith(text.strip() + "\n\n")
        [file] = reply.files()
        assert file.fp.read().decode() == reply.file.text

    @given(WRITTEN, SCORES, BOOLEANS)
    @settings(max_examples=50)
    def test_limits(self, text: str, labels: tuple[LabelScore, ...], truncated: bool) -> None:
        if (request := valid(lambda: SentimentRequest(text))) is not None:
            assert_within_limits(sentiment.render(request, answer(SentimentResult(labels, truncated), note=text)))


class TestZeroShot:
    REQUEST = ZeroShotRequest("This movie was so inspiring!", ("sports", "politics", "entertainment"))

    def test_reply(self) -> None:
        result = ZeroShotResult(
            scores(entertainment=0.9, sports=0.06, politics=0.04), multi_label=False, truncated=False
        )

        reply = zeroshot.render(self.REQUEST, answer(result))

        assert reply.embed.title == "entertainment"
        assert (reply.embed.description or "").count("**") == 2
        assert str(zeroshot.SEVERAL_APPLY) not in (reply.embed.description or "")

    def test_several_labels_may_fit(self) -> None:
        result = ZeroShotResult(scores(entertainment=0.9, sports=0.5, politics=0.04), multi_label=True, truncated=False)

        reply = zeroshot.render(self.REQUEST, answer(result))

        assert reply.embed.title == "entertainment, sports"
        assert (reply.embed.description or "").count("**") == 4
        assert str(zeroshot.SEVERAL_APPLY) in (reply.embed.description or "")

    def test_none_may_fit(self) -> None:
        result = ZeroShotResult(scores(sports=0.1), multi_label=True, truncated=False)

        assert zeroshot.render(self.REQUEST, answer(result)).embed.title == "None of these labels"

    @given(WRITTEN, SCORES, BOOLEANS)
    @settings(max_examples=50)
    def test_limits(self, text: str, labels: tuple[LabelScore, ...], multi_label: bool) -> None:
        if (request := valid(lambda: ZeroShotRequest(text, ("a", "b")))) is not None:
            result = ZeroShotResult(labels, multi_label, truncated=True)
            assert_within_limits(zeroshot.render(request, answer(result)))


class TestFill:
    def test_reply(self) -> None:
        request = FillRequest("The capital of France is <mask>.", 2)
        result = completed(request, [[("Paris", 0.98), ("Lyon", 0.01)]], False)

        reply = fill.render(request, answer(result))

        lines = (reply.embed.description or "").split("\n")
        assert lines[0] == "> The capital of France is **Paris**."
        assert lines[2].endswith("98.0\u00a0%` **Paris**")
        assert lines[3].endswith("1.0\u00a0%` Lyon")
        assert not reply.embed.fields

    def test_what_was_left_out(self) -> None:
        """Row K1."""
        request = FillRequest("I love ___ and ___")
        words = [[("apples", 0.0004)], [("lemons", 0.9)]]

        def remark(*left_out: float) -> str:
            return fill.render(request, answer(completed(request, words, True, left_out))).embed.footer.text or ""

        assert remark(0.9995, 0.01).split("\n")[-2:] == [
            "The end of the text exceeds this model's context and was not read.",
            "Tokens that are not words (special ones, spaces) got >\u00a099.9\u00a0% of blank 1, and are left out.",
        ]
        assert "no words" not in remark(0.04, 0.0)
        assert "no words" not in remark()
        one = completed(FillRequest("I love ___"), words[:1], False, (0.5,))
        text = fill.render(FillRequest("I love ___"), answer(one)).embed.footer.text or ""
        assert "that are not words (special ones, spaces) got 50.0\u00a0%, and" in text

    def test_several_masks(self) -> None:
        request = FillRequest("___ is the capital of [MASK].")
        result = completed(request, [[("Paris", 0.98)], [("France", 0.9)]], False)

        reply = fill.render(request, answer(result))

        assert reply.embed.description == "> **Paris** is the capital of **France**."
        assert [field.name for field in reply.embed.fields] == ["Blank 1", "Blank 2"]
        assert (reply.embed.fields[1].value or "").endswith("**France**")

    def test_white_space_can_be_seen(self) -> None:
        request = FillRequest("a ___ b")
        reply = fill.render(request, answer(completed(request, [[("", 0.9), ("\n", 0.1)]], False)))

        assert (reply.embed.description or "").count(fill.SPACE) == 2

    def test_a_mask_far_into_a_text_stays_in_sight(self) -> None:
        request = FillRequest("word " * 600 + "___ " + "word " * 100)

        reply = fill.render(request, answer(completed(request, [[("Paris", 0.98)]], False)))

        assert "> …word" in (reply.embed.description or "")
        assert "word **Paris** word" in (reply.embed.description or "")
        assert reply.file is not None
        assert request.text.replace("___", "Paris") in reply.file.text

    def test_words_cannot_format(self) -> None:
        request = FillRequest("a ___ b")

        reply = fill.render(request, answer(completed(request, [[("**@everyone", 0.9)]], False)))

        assert "@everyone" not in str(reply.embed.to_dict())
        assert r"**\*\*@" in (reply.embed.description or "")

    @given(WRITTEN, st.lists(st.lists(WRITTEN, min_size=1, max_size=10), min_size=1, max_size=5))
    @settings(max_examples=50)
    def test_limits(self, text: str, words: list[list[str]]) -> None:
        written = text.replace("_", "") + " ___ words" * len(words)
        request = valid(lambda: FillRequest(written, 10))
        if request is not None and len(request.parts) == len(words) + 1:
            guesses = [[(word, 0.1) for word in some] for some in words]
            assert_within_limits(fill.render(request, answer(completed(request, guesses, True))))


class TestGenerate:
    def reply(self, request: GenerateRequest, *texts: str, finished: bool = False) -> Reply:
        continuations = tuple(Continuation(text, 30, finished) for text in texts)
        return generate.render(request, answer(GenerateResult(request.prompt, continuations, request.seed, False)))

    def test_prompt_in_bold_continuation_plain(self) -> None:
        reply = self.reply(GenerateRequest("In this course, we will teach you how to"), " build a bot.\n# And")

        assert reply.embed.description == ("**In this course, we will teach you how to** build a bot.\n\\# And…")
        assert reply.file is None

    def test_dots_are_apart_from_a_full_stop(self) -> None:
        reply = self.reply(GenerateRequest("One"), " two.", " two...\n")

        assert reply.embed.description == "> One\n\n`1` two. …\n\n`2` two..."
        assert self.reply(GenerateRequest("One."), " ").embed.description == "**One.** …"

    def test_what_the_model_ended_has_no_dots(self) -> None:
        reply = self.reply(GenerateRequest("One"), " two.", finished=True)

        assert reply.embed.description == "**One** two."

    def test_nothing(self) -> None:
        request = GenerateRequest("One")

        assert self.reply(request, "", finished=True).embed.description == f"**One** {generate.NOTHING}"
        assert self.reply(request, " ").embed.description == "**One**…"  # stopped at once

    def test_several_are_numbered(self) -> None:
        reply = self.reply(GenerateRequest("One"), " two", " three", finished=True)

        assert reply.embed.description == "> One\n\n`1` two\n\n`2` three"

    def test_seed_is_shown_where_it_was_asked_for(self) -> None:
        assert "34 ms · seed 7" in (self.reply(GenerateRequest("One", seed=7), " two").embed.footer.text or "")
        assert "seed" not in (self.reply(GenerateRequest("One"), " two").embed.footer.text or "")

    def test_too_much_is_attached_whole(self) -> None:
        long = " word" * 1_000
        reply = self.reply(GenerateRequest("One"), long, " two")

        assert reply.file is not None
        assert f"[1]\nOne{long}…" in reply.file.text
        assert "[2]\nOne two…" in reply.file.text
        assert "`2` two…" in (reply.embed.description or "")

    def test_a_long_prompt_shows_its_end(self) -> None:
        reply = self.reply(GenerateRequest("first " + "word " * 700 + "last"), " and on")

        assert "first" not in (reply.embed.description or "")
        assert "last\n\nand on…" in (reply.embed.description or "")

    @given(WRITTEN, st.lists(WRITTEN, min_size=1, max_size=4), BOOLEANS)
    @settings(max_examples=50)
    def test_limits(self, prompt: str, texts: list[str], finished: bool) -> None:
        if (request := valid(lambda: GenerateRequest(prompt, seed=2**31 - 1))) is not None:
            assert_within_limits(self.reply(request, *texts, finished=finished))


class TestGenerateOffers:
    def buttons(self, *continuations: Continuation) -> list[tuple[str, str]]:
        request = GenerateRequest("One", num_return_sequences=len(continuations), seed=3)
        reply = generate.render(request, answer(GenerateResult("One", continuations, 3, False)))
        first, *others = reply.buttons
        assert (first.action, first.request) == (generate.REGENERATE, request)
        assert all(offer.action is generate.CONTINUE for offer in others)
        requests: list[Any] = [offer.request for offer in others]
        return [(offer.label or offer.action.label, one.prompt) for offer, one in zip(others, requests, strict=True)]

    def test_what_the_model_has_not_ended_can_go_on(self) -> None:
        assert self.buttons(Continuation(" two", 1, False)) == [("Continue", "One two")]

    def test_what_the_model_has_ended_cannot(self) -> None:
        assert self.buttons(Continuation(" two", 1, True)) == []

    def test_each_of_several_by_itself(self) -> None:
        assert self.buttons(
            Continuation(" two", 1, False), Continuation(" and", 1, True), Continuation(" too", 1, False)
        ) == [("Continue 1", "One two"), ("Continue 3", "One too")]

    def test_not_where_no_word_is_left(self) -> None:
        assert self.buttons(Continuation(" …" * 4_000, 1, False)) == []


class TestGeneratePreview:
    def preview(self, request: GenerateRequest, *texts: str) -> Reply:
        continuations = tuple(Continuation(text, 3, False) for text in texts)
        return generate.preview(request, GenerateResult(request.prompt, continuations, request.seed, False))

    def test_the_text_so_far_and_a_cursor(self) -> None:
        reply = self.preview(GenerateRequest("One", max_new_tokens=20), " two ")

        assert reply.embed.description == "**One** two▌"
        assert reply.embed.footer.text == "Writing: 3 of at most 20 tokens"
        assert reply.file is None

    def test_several(self) -> None:
        reply = self.preview(GenerateRequest("One", max_new_tokens=20, num_return_sequences=2), " two", "")

        assert reply.embed.description == "> One\n\n`1` two▌\n\n`2` ▌"
        assert reply.embed.footer.text == "Writing: 6 of at most 40 tokens"

    def test_half_a_character_is_not_shown(self) -> None:
        assert self.preview(GenerateRequest("One"), " two \ufffd\ufffd").embed.description == "**One** two▌"

    def test_of_too_much_the_newest_is_shown(self) -> None:
        description = self.preview(GenerateRequest("One"), " word" * 1_000 + " newest").embed.description or ""

        assert description.startswith("**One**…word")
        assert description.endswith("newest▌")

    @given(WRITTEN, st.lists(WRITTEN, min_size=1, max_size=4))
    @settings(max_examples=50)
    def test_limits(self, prompt: str, texts: list[str]) -> None:
        if (request := valid(lambda: GenerateRequest(prompt))) is not None:
            assert_within_limits(self.preview(request, *texts))

    @given(TEXTS, TEXTS, st.integers(0, 200))
    @settings(max_examples=300)
    def test_nothing_is_left_open_wherever_it_is_cut(self, prompt: str, text: str, end: int) -> None:
        request = valid(lambda: GenerateRequest(prompt))
        if request is None:
            return
        description = self.preview(request, text[:end]).embed.description or ""

        start = bold(request.prompt) if "\n" not in request.prompt else quoted(request.prompt) + "\n\n"
        assert description.startswith(start)
        assert description.endswith(CURSOR)
        shown = description.removeprefix(start).removesuffix(CURSOR)
        assert not re.search(r"[*_~|`<\[]|\\$|://|@(everyone|here|[!&]?\d)|:[^\s:]+:", live(shown))
        assert not any(re.match(r"[ \t]*([>#+-]|\d+[.)])", line) for line in shown.split("\n"))
        if "\n" not in request.prompt:
            assert unescape(shown) == visible(text[:end].rstrip("\ufffd").rstrip())


class TestTranslate:
    def reply(self, text: str, translation: str) -> Reply:
        result = TranslateResult(translation, language("en"), language("de"), truncated=False)
        return translate.render(TranslateRequest(text, "German"), answer(result))

    def test_reply(self) -> None:
        assert self.reply("I love apples.", "Ich liebe Äpfel.").embed.description == (
            "**English**\n> I love apples.\n\n**German** · Deutsch\nIch liebe Äpfel."
        )

    def test_an_end_that_is_missing(self) -> None:
        result = TranslateResult("Ich liebe", language("en"), language("de"), truncated=False, finished=False)
        reply = translate.render(TranslateRequest("I love apples.", "German"), answer(result))
        assert (reply.embed.description or "").endswith("\nIch liebe…")
        assert str(translate.UNFINISHED) in str(reply.embed.footer.text)
        assert str(translate.UNFINISHED) not in str(self.reply("I love apples.", "Ich liebe Äpfel.").embed.footer.text)

    @pytest.mark.parametrize(
        ("guesses", "sure", "labels", "said"),
        [
            ({"es": 0.99, "pt": 0.01}, True, [], "detected: Spanish"),
            ({"es": 0.5, "pt": 0.4, "it": 0.08, "fr": 0.02}, False, ["From Portuguese", "From Italian"], "not sure"),
            ({"es": 0.99, "pt": 0.01}, False, [], "I am not sure that this is Spanish. If it is not, set"),
        ],
    )
    def test_a_language_that_was_found_out(
        self, guesses: dict[str, float], sure: bool, labels: list[str], said: str
    ) -> None:
        detection = Detection(tuple(LanguageGuess(*one) for one in guesses.items()), told=True, sure=sure)
        result = TranslateResult("Ich weiß.", language("es"), language("de"), truncated=False, detection=detection)
        request = TranslateRequest("lo se", "German", None)
        reply = translate.render(request, answer(result))
        footer = str(reply.embed.footer.text)
        assert "detected: Spanish" in footer
        assert said in footer
        assert [offer.label for offer in reply.buttons] == labels
        assert [offer.request for offer in reply.buttons] == [
            TranslateRequest("lo se", "German", code) for code in list(guesses)[1 : 1 + len(labels)]
        ]

    def test_nothing(self) -> None:
        assert str(translate.NOTHING) in (self.reply("I love apples.", " ").embed.description or "")

    @given(WRITTEN, WRITTEN)
    @settings(max_examples=50)
    def test_limits(self, text: str, translation: str) -> None:
        if valid(lambda: TranslateRequest(text, "German")) is not None:
            assert_within_limits(self.reply(text, translation))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0001, "1 ms"), (0.0341, "34 ms"), (1.2344, "1,234 ms"), (12.34, "12.3 s")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_files_can_be_sent_twice() -> None:
    result: Any = SentimentResult(scores(POSITIVE=1), truncated=False)
    reply = sentiment.render(SentimentRequest("word " * 700), answer(result))

    assert [file.fp.read() for file in reply.files()] == [file.fp.read() for file in reply.files()]
