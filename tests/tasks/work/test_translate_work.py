"""The work of `/translate`, by encoder-decoders and by a causal language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.operations import run_task
from bot.tasks.translate import TASK, TranslateRequest, encode
from bot.tasks.translation.phrasebook import dictionary
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.translate import explain_drafts, explain_rewriting
from tests.support import run_all
from tests.tasks.work.page_objects import (
    Architecture,
    Decision,
    Distribution,
    HiddenStates,
    Lengths,
    Prepared,
    Tokens,
    Written,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import equations, piece_of, pieces_of

FAMILIES = ["t5", "marian", "m2m100", "nllb"]
REQUEST = TranslateRequest("I love apples, and the coffee was cold!", "de")
LENGTH = 12


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models seldom end a text by themselves."""
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", LENGTH)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Keeps a head's random model from ending a text."""

    def make(head: Any) -> Any:
        monkeypatch.setattr(head.model.generation_config, "suppress_tokens", sorted(head.end_ids))
        monkeypatch.setattr(head.model.generation_config, "forced_eos_token_id", None)
        return head

    return make


def opened(head: Any, request: TranslateRequest = REQUEST) -> tuple[Any, Explanation]:
    """A translation and its work."""
    result = run_task(TASK.start(head, request))
    return result, in_english(run_task(explain_rewriting(head, request, (result.ids,))))


def probabilities_of(
    folder: Path, source: tuple[int, ...], start: tuple[int, ...], written: tuple[int, ...]
) -> list[float]:
    """The probability of each token after those before it by transformers, in a pass for each."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    found = []
    for place, token in enumerate(written):
        with torch.inference_mode():
            decoder = torch.tensor([[*start, *written[:place]]])
            logits = model(input_ids=torch.tensor([source]), decoder_input_ids=decoder).logits[0, -1]
        found.append(float(logits.float().softmax(dim=-1)[token]))
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_all_numbers(name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    head = load(name)
    result, work = opened(head)
    text = piece_of(work, Written)
    assert tuple(one.token.id for one in text.tokens) == result.ids
    assert head.decode(result.ids).strip() == result.text
    row = encode(head, REQUEST.text, "en", "de").inputs
    seen = probabilities_of(checkpoints[name], row.ids, row.start, result.ids)
    assert [one.probability for one in text.tokens] == pytest.approx(seen, abs=2e-4)  # T5's logits are some hundreds
    assert {(one.drawn_with, one.nucleus) for one in text.tokens} == {(None, None)}  # nothing was drawn
    assert (text.temperature, text.top_p) == (0, 1)
    for one in text.tokens:
        assert len(one.alternatives) == 5
        assert one.token.id not in [other.id for other in one.alternatives]
    assert text.ended == (result.ids[-1] in head.end_ids)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_way_there(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    result, work = opened(head)
    assert kinds_of(work) == [
        "Prepared",
        "Tokens",
        "Architecture",
        "HiddenStates",
        "HiddenStates",
        "Written",
        "Distribution",
        "Decision",
    ]
    row = encode(head, REQUEST.text, "en", "de").inputs
    [tokens] = piece_of(work, Tokens).rows
    assert tuple(one.id for one in tokens) == row.ids
    read = len(row.start) + len(result.ids) - 1
    assert piece_of(work, Lengths) == Lengths(encoder=len(row.ids), decoder=read)
    assert piece_of(work, Architecture).family == "encoder-decoder"
    encoder, decoder = pieces_of(work, HiddenStates)
    assert (encoder.part, encoder.shape) == ("encoder", (1, len(row.ids), 32))
    assert (decoder.part, decoder.shape) == ("decoder", (1, read, 32))


def test_how_each_family_is_told(load: Callable[[str], Any]) -> None:
    told = {name: piece_of(opened(load(name))[1], Prepared) for name in FAMILIES}
    assert told["t5"].texts == (f"translate English to German: {REQUEST.text}",)
    assert "in front of the text" in told["t5"].how
    for name in ("marian", "m2m100", "nllb"):
        assert told[name].texts == (REQUEST.text,)
    assert "one for German" in told["nllb"].how
    assert "English into German" in told["marian"].how


@pytest.mark.parametrize("name", ["m2m100", "nllb"])
def test_the_language_is_no_decision_of_the_model(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    german, french = (opened(head, replace(REQUEST, target=code))[1] for code in ("de", "fr"))
    start = encode(head, REQUEST.text, "en", "de").inputs.start
    assert len(start) == 2
    written = [one.token.id for one in piece_of(german, Written).tokens]
    assert start[1] not in written[:1]
    assert written != [one.token.id for one in piece_of(french, Written).tokens]


@pytest.mark.parametrize("name", ["t5", "m2m100", "nllb"])
def test_a_text_that_ends_and_one_that_does_not(
    name: str, load: Callable[[str], Any], endless: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = endless(load(name))
    result, work = opened(head)
    assert len(result.ids) == LENGTH
    assert not piece_of(work, Written).ended
    # Whatever the model writes third now ends a text.
    monkeypatch.setattr(head.model.generation_config, "suppress_tokens", None)
    monkeypatch.setattr(head.model.generation_config, "eos_token_id", result.ids[2])
    ended, work = opened(head)
    assert ended.ids == result.ids[: result.ids.index(result.ids[2]) + 1]
    assert piece_of(work, Written).ended
    assert piece_of(work, Written).tokens[-1].token.id == result.ids[2]


def test_the_least_certain_place(load: Callable[[str], Any]) -> None:
    _, work = opened(load("nllb"))
    shape, text = piece_of(work, Distribution), piece_of(work, Written)
    certain = [one.probability for one in text.tokens]
    assert certain[shape.place] == min(certain)
    assert shape.candidates[shape.chosen].id == text.tokens[shape.place].token.id
    assert shape.candidates[shape.chosen].before == pytest.approx(min(certain))
    likeliest = sum(one.probability >= one.alternatives[0].probability for one in text.tokens)
    sentence = piece_of(work, Decision).sentence
    assert f"The likeliest token was taken at {likeliest} of {len(certain)} places." in sentence
    assert f"{100 * sum(certain) / len(certain):.1f} %" in sentence


@pytest.mark.parametrize("name", FAMILIES)
def test_words_begin_where_they_do(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    _, work = opened(head)
    before = head.tokens(head.tokenize("a", add_special_tokens=False))[-1]
    others = [other for one in piece_of(work, Written).tokens for other in one.alternatives]
    plain = [other for other in others if other.text.strip().isalpha()]
    assert plain
    for other in plain:
        assert head.decode([before.id, other.id]) == head.decode([before.id]) + other.text


def test_a_text_longer_than_the_context(load: Callable[[str], Any]) -> None:
    head = load("t5")
    result, work = opened(head, TranslateRequest("I love apples. " * 90, "de"))
    assert result.truncated
    tokens = piece_of(work, Tokens)
    assert tokens.truncated
    assert tokens.shape == (1, head.context_length)
    assert piece_of(work, Lengths).encoder == head.context_length


def test_without_an_answer_it_is_translated_first(load: Callable[[str], Any]) -> None:
    for name in FAMILIES:
        assert in_english(run_task(explain_rewriting(load(name), REQUEST))) == opened(load(name))[1]


@pytest.mark.parametrize("written", [((100_000,),), ((10**30,),), ((-5, 3),), ((5,) * 600,)])
def test_what_this_checkpoint_cannot_have_written(load: Callable[[str], Any], written: Any) -> None:
    with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
        run_task(explain_rewriting(load("marian"), REQUEST, written))


@pytest.mark.parametrize("name", FAMILIES)
def test_several_lines(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    request = TranslateRequest("I love apples.\n\n- Ask <@1> about **the** cat.\nWhy?", "de")
    result = run_task(TASK.start(head, request))
    written = (*result.drafts, result.ids)
    work = run_task(explain_rewriting(head, request, written))
    front = "translate English to German: " if name == "t5" else ""
    read = ["I love apples.", "Ask", "about", "the", "cat.", "Why?"]  # random models copy no stand-in
    assert piece_of(work, Prepared).texts == tuple(front + text for text in read)
    texts = pieces_of(work, Written)
    assert [tuple(one.token.id for one in text.tokens) for text in texts] == list(written)
    assert [text.name for text in texts] == [f"part {number}" for number in range(1, 7)]
    assert piece_of(work, Tokens).rows == tuple(head.tokens(encode(head, text, "en", "de").inputs.ids) for text in read)
    assert in_english(run_task(explain_rewriting(head, request))) == in_english(work)


def test_a_stand_in_that_came_back(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Show the work shows the text that the model read: with the stand-in if it was copied, else the fragments."""
    head = load("t5")
    request = TranslateRequest("Ask <@1> about it", "de")
    decode = head.decode
    copied = run_task(TASK.start(head, replace(request, text="Ask X1 about it"))).ids
    monkeypatch.setattr(head, "decode", lambda ids: "Frag X1 danach" if tuple(ids) == copied else decode(ids))
    result = run_task(TASK.start(head, request))
    assert (result.text, result.ids, result.drafts) == ("Frag <@1> danach", copied, ())
    work = run_task(explain_rewriting(head, request, (result.ids,)))
    assert piece_of(work, Prepared).texts == ("translate English to German: Ask X1 about it",)


def test_what_has_no_words(load: Callable[[str], Any]) -> None:
    work = run_task(explain_rewriting(load("t5"), TranslateRequest("<:cat:12> 😀", "de")))
    assert kinds_of(work) == ["Decision"]


def test_how_the_language_was_found_out(load: Callable[[str], Any]) -> None:
    head = load("m2m100")
    for text, told in (
        ("¿Alguien sabe dónde está mi perro?", "By its letters, the text is Spanish with a probability of 97 %"),
        ("ok", "Nothing in the text tells its language, so it is read as English."),
    ):
        work = run_task(explain_rewriting(head, TranslateRequest(text, "de", None)))
        assert told in piece_of(work, Prepared).how


async def test_through_the_worker(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], load: Callable[[str], Any]
) -> None:
    requests = [TranslateRequest(text, "de") for text in ("I love apples.", "Why?", REQUEST.text)]
    for name in FAMILIES:
        async with make_worker(make_preset(translate=name)) as worker:
            answers = await run_all(worker, requests)
            opening = [WorkRequest.of(one, (answer.ids,)) for one, answer in zip(requests, answers, strict=True)]
            works: list[Explanation] = await run_all(worker, opening)
        for request, answer, work in zip(requests, answers, works, strict=True):
            assert tuple(one.token.id for one in piece_of(work, Written).tokens) == answer.ids
            assert in_english(work) == in_english(run_task(explain_rewriting(load(name), request, (answer.ids,))))


class TestByACausalLanguageModel:
    SENTENCES = ("I love apples.", "Where is the old man?")
    REQUEST = TranslateRequest(" ".join(SENTENCES), "de")

    @pytest.fixture
    def llama(self, load: Callable[[str], Any]) -> Any:
        return load("llama")

    def opened(self, head: Any, request: TranslateRequest = REQUEST) -> tuple[Any, Explanation]:
        result = run_task(TASK.start(head, request))
        return result, in_english(run_task(explain_drafts(head, request, (result.ids,))))

    def test_the_numbers_are_those_that_drafts_are_weighed_by(self, llama: Any) -> None:
        result, work = self.opened(llama)
        texts = pieces_of(work, Written)
        assert [text.name for text in texts] == ["sentence 1", "sentence 2"]
        assert all(text.ended for text in texts)
        forward = backward = 0.0
        for sentence, text in zip(self.SENTENCES, texts, strict=True):
            ids = tuple(one.token.id for one in text.tokens)
            translation = llama.decode(ids).strip()
            assert translation in result.text
            [there], [back] = llama.score.run(
                [
                    llama.continuations(llama.encode(dictionary(sentence, "en", "de")), [ids]),
                    llama.continuations(
                        llama.encode(dictionary(translation, "de", "en")), [llama.encode_rest(f" {sentence}\n")]
                    ),
                ]
            )
            assert [math.log(one.probability) for one in text.tokens] == pytest.approx(there.tolist(), abs=1e-4)
            forward += float(there.sum())
            backward += float(back.sum())
        [(left, right)] = equations(pieces_of(work, Decision)[-1].sentence)
        assert left == pytest.approx(right, abs=2e-4)
        assert right == pytest.approx(forward + backward, abs=1e-3)

    def test_the_way_there(self, llama: Any) -> None:
        _, work = self.opened(llama)
        assert kinds_of(work) == [
            "Prepared",
            "Tokens",
            "Architecture",
            "HiddenStates",
            "Written",
            "Written",
            "Distribution",
            "Decision",
            "Decision",
        ]
        prompts = tuple(dictionary(sentence, "en", "de") for sentence in self.SENTENCES)
        assert piece_of(work, Prepared).texts == prompts
        assert "6 sentences in English with their German translations" in piece_of(work, Prepared).how
        tokens = piece_of(work, Tokens)
        assert tokens.rows == tuple(llama.tokens(llama.encode(prompt)) for prompt in prompts)
        assert tokens.names == ("sentence 1", "sentence 2")
        assert piece_of(work, HiddenStates).row == "sentence 1"

    def test_one_sentence_needs_no_name(self, llama: Any) -> None:
        result, work = self.opened(llama, TranslateRequest("I love apples.", "de"))
        text = piece_of(work, Written)
        assert text.name == ""
        assert llama.decode([one.token.id for one in text.tokens]).strip() == result.text
        assert piece_of(work, Tokens).names == ()

    def test_what_has_no_words_is_not_written(self, llama: Any) -> None:
        result, work = self.opened(llama, TranslateRequest("I love apples.\n😀\nWhy?", "fr"))
        assert "😀" in result.text
        assert len(pieces_of(work, Written)) == 2

    def test_fragments(self, llama: Any) -> None:
        request = TranslateRequest("Ask <@1> about **the** cat. Why?", "de")
        result, work = self.opened(llama, request)
        prompts = [dictionary(text, "en", "de") for text in ("Ask", "about", "the", "cat.", "Why?")]
        assert piece_of(work, Prepared).texts == tuple(prompts)
        ids = tuple(one.token.id for text in pieces_of(work, Written) for one in text.tokens)
        assert ids == result.ids

    def test_no_word_that_fits_the_context(self, llama: Any) -> None:
        result, work = self.opened(llama, TranslateRequest("(" * 1_400 + "a", "fr"))
        assert result.ids == ()
        assert kinds_of(work) == ["Decision"]

    def test_gibberish_that_the_context_has_no_room_for_was_not_weighed(self, llama: Any) -> None:
        [line_break] = llama.encode_rest("\n")
        request = TranslateRequest("I love apples.", "de")
        work = run_task(explain_drafts(llama, request, ((70,) * 1_000 + (line_break,),)))
        prompt = llama.encode(dictionary("I love apples.", "en", "de"))
        assert len(piece_of(work, Written).tokens) == llama.context_length - len(prompt) + 1
        assert len(pieces_of(work, Decision)) == 1

    def test_without_an_answer_it_is_translated_first(self, llama: Any) -> None:
        assert in_english(run_task(explain_drafts(llama, self.REQUEST))) == self.opened(llama)[1]

    @pytest.mark.parametrize("written", [((1, 2, 3),), ((100_000,),), ((10**30,),)])
    def test_what_this_checkpoint_cannot_have_written(self, llama: Any, written: Any) -> None:
        with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
            run_task(explain_drafts(llama, self.REQUEST, written))

    async def test_through_the_worker(
        self, make_worker: Callable[..., Any], make_preset: Callable[..., Any], llama: Any
    ) -> None:
        async with make_worker(make_preset(translate="llama")) as worker:
            [answer] = await run_all(worker, [self.REQUEST])
            [work] = await run_all(worker, [WorkRequest.of(self.REQUEST, (answer.ids,))])
        assert answer.target == language("de")
        assert kinds_of(work) == kinds_of(self.opened(llama)[1])
        assert tuple(one.token.id for text in pieces_of(work, Written) for one in text.tokens) == answer.ids
