"""What is marked in a text, by every kind of head: whole characters, in order, and none twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.operations import run_task
from bot.replies.formatting.text import inside_quote, visible
from bot.replies.results import entities as entity_replies
from bot.tasks import answer, entities
from bot.tasks.answer import AnswerRequest
from bot.tasks.entities import EntitiesRequest, EntitiesResult
from bot.tasks.work.explanations import EXPLANATIONS
from bot.text.graphemes import Graphemes
from bot.text.markup import markup
from tests import tiny
from tests.replies.test_renderers import answer as answered
from tests.support import CPU, unescape
from tests.tangled import PIECES, TANGLED
from tests.tasks.work.page_objects import SpanCandidates, Spans
from tests.tasks.work.support import piece_of

pytestmark = pytest.mark.measured_elsewhere

NER = ("bert_ner", "roberta_ner", "unigram_ner", "llama")
SQUAD = ("bert_squad", "roberta_squad", "unigram_squad")
FAMILY = "👨\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈 Ann lives in 🇩🇪 Berlin 😀😀 and works at Siemens."
WHOLE = [
    "Ann 😀👍",
    "We met Zoé in Paris",
    "Zoe\u0301",
    "Ze\u0301ro in Ze\u0301ro",
    FAMILY,
    "".join(PIECES),
    "각 \u1112\u1161\u11ab 한",
]

few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def heads(checkpoints: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    folders = dict(checkpoints)
    for build in (tiny.unigram_ner, tiny.unigram_squad, tiny.roberta_squad):
        name = build.__name__
        folders[name] = tmp_path_factory.mktemp("spans") / name
        with torch.random.fork_rng():
            torch.manual_seed(sum(map(ord, name)))
            build(folders[name])
    return {name: load_head(folders[name], CPU) for name in (*NER, *SQUAD)}


def assert_marked(text: str, places: list[tuple[int, int]]) -> None:
    borders = set(Graphemes(text).borders)
    reached = 0
    for start, end in places:
        assert reached <= start < end
        assert {start, end} <= borders
        assert text[start:end] == text[start:end].strip()
        reached = end


def named(head: Any, text: str) -> tuple[EntitiesRequest, EntitiesResult]:
    request = EntitiesRequest(text)
    result = run_task(entities.TASK.start(head, request))
    assert_marked(request.text, [(one.start, one.end) for one in result.entities])
    unread = markup(request.text)
    assert not any(unread.touches(one.start, one.end) for one in result.entities)
    return request, result


def shown_without_marks(request: EntitiesRequest, result: EntitiesResult) -> str:
    """What the quoted text of the reply says, with each mark taken away at its place."""
    reply = entity_replies.render(request, answered(result))
    marked = (reply.embed.description or "").split("\n\n")[0]
    for one in result.entities:
        name = inside_quote(visible(request.text[one.start : one.end]))
        mark = f"**{name}** `{one.label}`"
        assert mark in marked
        marked = marked.replace(mark, name, 1)
    return unescape(marked.removeprefix("> ").replace("\n> ", "\n"))


@pytest.mark.parametrize("name", NER)
class TestEntities:
    @pytest.mark.parametrize("text", WHOLE)
    def test_whole_characters(self, name: str, text: str, heads: Mapping[str, Any]) -> None:
        """D1, D2, D5, D8."""
        request, result = named(heads[name], text)
        if len(request.text) < 100:
            assert shown_without_marks(request, result) == request.text

    @given(text=TANGLED)
    @few
    def test_any_text(self, name: str, text: str, heads: Mapping[str, Any]) -> None:
        try:
            request, result = named(heads[name], text)
        except InvalidRequest:
            return
        assert shown_without_marks(request, result) == visible(request.text)

    def test_the_work_says_the_same(self, name: str, heads: Mapping[str, Any]) -> None:
        head = heads[name]
        request, result = named(head, FAMILY)
        names = [request.text[one.start : one.end] for one in result.entities]
        if name != "llama":
            work = run_task(EXPLANATIONS["entities"][head.kind](head, request, ()))
            assert [one.text for one in piece_of(work, Spans).rows] == names
        whole = entity_replies._plain(request.text, result.entities)
        for one in reversed(result.entities):
            whole = whole.replace(
                f"[{request.text[one.start : one.end]}]({one.label})", request.text[one.start : one.end]
            )
        assert whole == request.text


class TestAsReported:
    def marked(self, head: Any, text: str) -> list[str]:
        request, result = named(head, text)
        return [request.text[one.start : one.end] for one in result.entities]

    def test_an_emoji_is_in_one_entity(self, heads: Mapping[str, Any]) -> None:
        """D1: each emoji is four tokens, of which some got another label than the others."""
        marked = self.marked(heads["roberta_ner"], "Ann 😀👍")
        assert "".join(marked).count("😀") == "".join(marked).count("👍") == 1

    def test_marks_after_a_letter_of_two_tokens(self, heads: Mapping[str, Any]) -> None:
        """D2: é is two tokens, and every mark after it was shifted by one."""
        assert self.marked(heads["roberta_ner"], "We met Zoé in Paris")[-4:] == ["in", "P", "ar", "is"]

    def test_an_accent_that_the_model_does_not_read(self, heads: Mapping[str, Any]) -> None:
        """D5: the accent stood behind the mark. A text may arrive composed, and then there is nothing to widen."""
        assert self.marked(heads["bert_ner"], "Zoe\u0301") in (["Zoe\u0301"], ["Zo\u00e9"])

    def test_a_dropped_accent_joins_no_words(self, heads: Mapping[str, Any]) -> None:
        head = heads["bert_ner"]
        request = EntitiesRequest("in Ze\u0301ro")
        words = run_task(entities.tagging(head, request)).words
        assert [request.text[one.start : one.end] for one in words] == ["in", request.text[3:]]

    def test_what_discord_shows_as_something_else(self, heads: Mapping[str, Any]) -> None:
        """E6, by a classifier: its words are no entities, and those beside it are as before."""
        for text in ("Nice <:KappaPride:223456789012345678> game", "Ann https://Ann.de/Ann", "`Ann` Ann"):
            assert all("Kappa" not in one and "://" not in one for one in self.marked(heads["bert_ner"], text))


@pytest.mark.parametrize("name", SQUAD)
class TestAnswers:
    def located(self, head: Any, context: str) -> tuple[AnswerRequest, Any]:
        request = AnswerRequest("Who wrote this book?", context)
        result = run_task(answer.TASK.start(head, request))
        assert result.span is not None
        assert_marked(request.context, [(result.span.start, result.span.end)])
        assert result.text == request.context[result.span.start : result.span.end]
        return request, result

    @pytest.mark.parametrize("text", WHOLE)
    def test_whole_characters(self, name: str, text: str, heads: Mapping[str, Any]) -> None:
        self.located(heads[name], text)

    @given(text=TANGLED)
    @few
    def test_any_text(self, name: str, text: str, heads: Mapping[str, Any]) -> None:
        try:
            AnswerRequest("Who?", text)
        except InvalidRequest:
            return
        self.located(heads[name], text)

    def test_the_work_says_the_same(self, name: str, heads: Mapping[str, Any]) -> None:
        head = heads[name]
        request, result = self.located(head, FAMILY)
        work = run_task(EXPLANATIONS["answer"][head.kind](head, request, ()))
        assert piece_of(work, SpanCandidates).candidates[0].text == result.text

    @given(text=st.text(alphabet="東京は田中さんタワー。、", min_size=1, max_size=30))
    @few
    def test_no_token_is_widened_in_scripts_without_spaces(
        self, name: str, text: str, heads: Mapping[str, Any]
    ) -> None:
        """F6: tokenizers take a whole Japanese sentence for a word."""
        head = heads[name]
        [window] = head.encode_windows("Who?", text)
        encoded = head.tokenizer("Who?", text).encodings[0]
        for place, offsets in zip(window.spans, encoded.offsets, strict=True):
            if place is not None and text[slice(*offsets)].strip():
                assert place == tuple(offsets)


def test_a_word_is_widened_to_the_script_that_it_is_written_in(heads: Mapping[str, Any]) -> None:
    context = "田中さんはSiemensで"
    [window] = heads["roberta_squad"].encode_windows("Who?", context)
    found = {context[slice(*place)] for place in window.spans if place is not None}
    assert found == {*"田中さんはで", "Siemens"}
