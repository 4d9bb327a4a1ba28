"""The work of `/summarize`, by encoder-decoders and by a causal language model, of texts that are read in parts too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import Operation, run_task
from bot.replies.work.offer import work_of
from bot.tasks import summarize
from bot.tasks.summarization.summarizers import EXAMPLES, INSTRUCTIONS
from bot.tasks.summarize import TASK, SummarizeRequest, SummarizeResult
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.explanations import EXPLANATIONS
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.summarize import MOST_OPENED
from tests.support import CPU, run_crowd
from tests.tasks.work.page_objects import (
    Architecture,
    Decision,
    Distribution,
    HiddenStates,
    Lengths,
    Prepared,
    SummaryRounds,
    Tokens,
    Written,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import piece_of, pieces_of

LENGTH = 20
NAMES = ["t5", "bart", "llama"]
REQUEST = SummarizeRequest("I love apples. We have promises to keep 😀. تفاح @everyone ```code```")
SENTENCES = "Apples are sour, and lemons are sourer. We have promises to keep."


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models seldom end a text by themselves."""
    monkeypatch.setattr(summarize, "MOST_NEW_TOKENS", dict.fromkeys(["short", "medium", "long"], LENGTH))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def summarizer_of(head: Any) -> Any:
    return summarize.summarizer_of(head, SummarizeRequest("a"))


def long_text(head: Any, parts: float) -> str:
    """A text of about so many parts."""
    summarizer = summarizer_of(head)
    lines = int(parts * summarizer.room / summarizer.count(f"{SENTENCES} 10\n"))
    return "\n".join(f"{SENTENCES} {line}" for line in range(lines))


def asked(request: SummarizeRequest, result: SummarizeResult) -> WorkRequest:
    """The request of the button under an answer."""
    found = work_of(request, result)
    assert found is not None
    return found


def opened(head: Any, request: SummarizeRequest = REQUEST) -> tuple[SummarizeResult, Explanation]:
    """A summary, and its work as the button asks for it."""
    result = run_task(TASK.start(head, request))
    return result, in_english(
        run_task(EXPLANATIONS["summarize"][head.kind](head, request, asked(request, result).written))
    )


def ids_of(text: Written) -> tuple[int, ...]:
    return tuple(one.token.id for one in text.tokens)


@torch.inference_mode()
def probabilities_of(name: str, folder: Path, read: Sequence[int], written: Sequence[int]) -> list[float]:
    """The probability of each token after those before it by transformers, in a pass for each."""
    if name == "llama":
        causal = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        prompts = [torch.tensor([[*read, *written[:place]]]) for place in range(len(written))]
        logits = [causal(prompt, use_cache=False).logits[0, -1] for prompt in prompts]
    else:
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
        start = model.generation_config.decoder_start_token_id
        starts = [torch.tensor([[start, *written[:place]]]) for place in range(len(written))]
        source = torch.tensor([list(read)])
        logits = [model(input_ids=source, decoder_input_ids=one).logits[0, -1] for one in starts]
    pairs = zip(logits, written, strict=True)
    return [float(one.float().softmax(dim=-1)[token]) for one, token in pairs]


def test_all_numbers(name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    head = load(name)
    result, work = opened(head)
    text = piece_of(work, Written)
    assert ids_of(text) == result.ids
    [read] = piece_of(work, Tokens).rows
    right = probabilities_of(name, checkpoints[name], [one.id for one in read], result.ids)
    assert [one.probability for one in text.tokens] == pytest.approx(right, abs=2e-4)  # T5's logits are some hundreds
    assert head.decode(result.ids).strip().startswith(result.text)
    assert (text.name, text.temperature) == ("", 0)


def test_the_way_there(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    _, work = opened(head)
    reading = ["HiddenStates"] if name == "llama" else ["HiddenStates", "HiddenStates"]
    found = ["Written", "Distribution", "Decision", "Decision"]
    assert kinds_of(work) == ["Prepared", "Tokens", "Architecture", *reading, *found]
    row = summarizer_of(head).row(REQUEST.text, LENGTH)
    read = row.inputs.prompt if name == "llama" else row.inputs.ids
    assert [tuple(one.id for one in tokens) for tokens in piece_of(work, Tokens).rows] == [tuple(read)]
    family = "decoder" if name == "llama" else "encoder-decoder"
    assert piece_of(work, Architecture).family == family
    assert pieces_of(work, HiddenStates)[0].shape == (1, len(read), 32)


def test_how_each_family_is_told(load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
    told = {name: piece_of(opened(load(name))[1], Prepared) for name in NAMES}
    assert told["t5"].texts == (f"summarize: {REQUEST.text}",)
    assert told["t5"].how.startswith("“summarize:” in front of the text")
    assert told["bart"].texts == (REQUEST.text,)
    assert "as it is" in told["bart"].how
    [prompt] = told["llama"].texts
    assert prompt.startswith(f"user: {INSTRUCTIONS['medium']}\n\n{REQUEST.text}")
    assert prompt.endswith("assistant: ")
    assert "trained to chat" in told["llama"].how

    plain: Any = load_head(checkpoints["llama"], CPU)
    plain.tokenizer.chat_template = None
    shown = piece_of(opened(plain)[1], Prepared)
    assert shown.texts[0].startswith(f"Text: {EXAMPLES[0][0]}\nSummary: {EXAMPLES[0][1]}\n\n")
    assert f"{len(EXAMPLES)} texts with their summaries" in shown.how


def test_messages_are_named(load: Callable[[str], Any]) -> None:
    lines = SummarizeRequest("alice: Who likes apples?\nbob: I do.", messages=2)
    assert piece_of(opened(load("bart"), lines)[1], Prepared).how.startswith("The text is a line for each message")


class TestInParts:
    def test_every_part_is_opened(self, name: str, load: Callable[[str], Any]) -> None:
        head = load(name)
        result, work = opened(head, SummarizeRequest(long_text(head, 2.5)))
        assert 1 < len(result.drafts) == result.parts <= MOST_OPENED
        assert kinds_of(work)[:4] == ["Prepared", "Tokens", "SummaryRounds", "Written"]
        *parts, last = pieces_of(work, Written)
        assert [one.name for one in parts] == [f"part {place}" for place in range(1, result.parts + 1)]
        assert tuple(map(ids_of, parts)) == result.drafts
        assert (last.name, ids_of(last)) == ("", result.ids)

    def test_the_last_pass_reads_what_was_written_about_the_parts(self, name: str, load: Callable[[str], Any]) -> None:
        head = load(name)
        request = SummarizeRequest(long_text(head, 2.5))
        result, work = opened(head, request)
        texts = [summarizer_of(head).read(summarizer_of(head).row("a", LENGTH), ids).text for ids in result.drafts]
        cut, prepared = pieces_of(work, Prepared)
        assert "\n".join(cut.texts) == request.text
        assert f"and {summarizer_of(head).room:,} at most are read at once" in cut.how
        assert "\n".join(texts) in prepared.texts[0]
        assert prepared.how.startswith("The text is now what was written about the parts")
        [first, second] = piece_of(work, SummaryRounds).rounds
        assert [one.text for one in first] == texts
        assert [one.text for one in second] == [head.decode_whole(result.ids).strip()]
        assert sum(one.read for one in first) == pytest.approx(result.source_tokens, abs=2 * result.parts)
        assert [one.written for one in second] == [result.tokens]
        parts, joined = pieces_of(work, Tokens)
        assert (len(parts.rows), len(joined.rows)) == (result.parts, 1)

    def test_all_numbers_of_a_part(
        self, name: str, load: Callable[[str], Any], checkpoints: Mapping[str, Path]
    ) -> None:
        result, work = opened(load(name), SummarizeRequest(long_text(load(name), 1.5)))
        read = [one.id for one in pieces_of(work, Tokens)[0].rows[-1]]
        right = probabilities_of(name, checkpoints[name], read, result.drafts[-1])
        part = pieces_of(work, Written)[result.parts - 1]
        assert [one.probability for one in part.tokens] == pytest.approx(right, abs=2e-4)

    def test_the_lengths_are_those_of_the_last_pass(self, load: Callable[[str], Any]) -> None:
        result, work = opened(load("bart"), SummarizeRequest(long_text(load("bart"), 2.5)))
        [_, joined] = pieces_of(work, Tokens)
        assert piece_of(work, Lengths) == Lengths(encoder=joined.shape[1], decoder=len(result.ids))

    def test_many_parts_are_listed(self, load: Callable[[str], Any]) -> None:
        head = load("t5")
        result, work = opened(head, SummarizeRequest(long_text(head, 12)))
        assert result.parts > MOST_OPENED
        assert len(pieces_of(work, Written)) == 1
        rounds = piece_of(work, SummaryRounds)
        assert len(rounds.rounds) > 2
        assert sum(len(one) for one in rounds.rounds) == len(result.drafts) + 1
        assert rounds.how == f"The tokens of these {len(result.drafts)} texts are not shown one by one."
        assert kinds_of(work)[:3] == ["Prepared", "SummaryRounds", "Prepared"]

    def test_nothing_is_written_again(
        self, name: str, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head, request = load(name), SummarizeRequest(long_text(load(name), 2.5))
        result, work = opened(head, request)

        def fail(rows: Any) -> Any:
            raise AssertionError(f"{len(rows)} rows are written")

        for operation in {"generate", "rewrite"} & set(vars(head)):
            monkeypatch.setattr(head, operation, Operation("none", fail, head.observe.budget))
        assert (
            in_english(run_task(EXPLANATIONS["summarize"][head.kind](head, request, asked(request, result).written)))
            == work
        )

    def test_without_an_answer_it_is_written_first(self, name: str, load: Callable[[str], Any]) -> None:
        for request in (REQUEST, SummarizeRequest(long_text(load(name), 2.5))):
            head = load(name)
            assert (
                in_english(run_task(EXPLANATIONS["summarize"][head.kind](head, request, ((),))))
                == opened(head, request)[1]
            )

    @pytest.mark.parametrize("change", ["fewer", "more", "unknown", "huge"])
    def test_what_this_checkpoint_cannot_have_written(self, name: str, change: str, load: Callable[[str], Any]) -> None:
        head = load(name)
        request = SummarizeRequest(long_text(head, 2.5))
        result, _ = opened(head, request)
        written: tuple[tuple[int, ...], ...] = (*result.drafts, result.ids)
        match change:
            case "fewer":
                written = written[:1]
            case "more":
                written = (*written, result.ids, result.ids)
            case "unknown":
                written = (*written[:-1], (100_000,))
            case _:
                written = ((10**30,), *written[1:])
        with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
            run_task(EXPLANATIONS["summarize"][head.kind](head, request, written))

    @pytest.mark.parametrize("limited", ["bart", "llama"])  # T5's positions are relative, so it has no longest text
    def test_a_text_longer_than_the_context(self, limited: str, load: Callable[[str], Any]) -> None:
        with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
            run_task(EXPLANATIONS["summarize"][load(limited).kind](load(limited), REQUEST, ((5,) * 2_000,)))

    async def test_parts_that_shared_a_batch(
        self, make_worker: Callable[..., Any], make_preset: Callable[..., Any], load: Callable[[str], Any]
    ) -> None:
        requests = [REQUEST, *(SummarizeRequest(long_text(load("llama"), parts)) for parts in (1.5, 2.5))]
        async with make_worker(make_preset(summarize="llama"), device=Device("cpu", "bfloat16")) as worker:
            results = await run_crowd(worker, requests)
            works = await run_crowd(worker, [asked(*pair) for pair in zip(requests, results, strict=True)])
        for result, work in zip(results, works, strict=True):
            assert tuple(map(ids_of, pieces_of(work, Written))) == (*result.drafts, result.ids)


class TestEndings:
    """Generated texts, given by hand."""

    @pytest.fixture
    def llama(self, load: Callable[[str], Any]) -> Any:
        return load("llama")

    @staticmethod
    def work(head: Any, request: SummarizeRequest, *texts: list[str], stop: bool = False) -> Explanation:
        steps = TASK.start(head, request)
        step = next(steps)
        result: SummarizeResult | None = None
        for written in texts:
            if stop:
                step.rows[0].stop()
            try:
                step = steps.send([Generated(head.encode_rest(one), one.endswith(".")) for one in written])
            except StopIteration as end:
                result = end.value
        assert result is not None
        return run_task(EXPLANATIONS["summarize"][head.kind](head, request, asked(request, result).written))

    def test_the_answer_is_what_was_written(self, llama: Any) -> None:
        work = self.work(llama, SummarizeRequest("Apples are sour."), ["I love apples."])
        sentence = pieces_of(work, Decision)[-1].sentence
        assert sentence.startswith("This text is the answer. ")
        assert "left out" not in sentence
        read, written = (len(llama.encode_rest(text)) for text in ("Apples are sour.", "I love apples."))
        assert sentence.endswith(f" {read} tokens became {written}.")

    def test_half_a_sentence_is_left_out(self, llama: Any) -> None:
        work = self.work(llama, SummarizeRequest("Apples"), ["I love apples. We have promises. And we"])
        assert "Its last sentence was cut off at the length, and is left out." in pieces_of(work, Decision)[-1].sentence

    def test_round_in_circles(self, llama: Any) -> None:
        text = "I love apples. " + "They are sour and good. " * 3
        work = self.work(llama, SummarizeRequest("Apples"), [text.strip() + " "])
        sentence = pieces_of(work, Decision)[-1].sentence
        assert "The model went round in circles, and what it only says again is left out." in sentence
        assert "cut off" not in sentence

    def test_stopped_among_the_parts(self, llama: Any) -> None:
        request = SummarizeRequest(long_text(llama, 2.5))
        parts = len(next(TASK.start(llama, request)).rows)
        texts = ["Apples are sour.", *[""] * (parts - 2), "We have promises."]
        work = self.work(llama, request, texts, stop=True)
        assert pieces_of(work, Decision)[-1].sentence.startswith("The texts about the parts were not summarised again")
        assert [one.name for one in pieces_of(work, Written)] == ["part 1", f"part {parts}"]
        assert piece_of(work, Distribution).name == f"part {parts}"
        [found] = piece_of(work, SummaryRounds).rounds
        assert [one.text for one in found] == texts

    def test_stopped_in_the_first_part(self, llama: Any) -> None:
        request = SummarizeRequest(long_text(llama, 2.5))
        parts = len(next(TASK.start(llama, request)).rows)
        work = self.work(llama, request, ["Apples are sour.", *[""] * (parts - 1)], stop=True)
        assert [one.name for one in pieces_of(work, Written)] == ["part 1"]
        assert kinds_of(work)[:3] == ["Prepared", "SummaryRounds", "Prepared"]
        assert piece_of(work, SummaryRounds).how == "Nothing was written about the other parts."

    def test_a_line_break_ends_a_text_behind_examples(self, checkpoints: Mapping[str, Path]) -> None:
        head: Any = load_head(checkpoints["llama"], CPU)
        head.tokenizer.chat_template = None
        for line, ended in (("Apples are sour\n", True), ("Apples are sour", False)):
            work = self.work(head, SummarizeRequest("Apples"), [line])
            assert piece_of(work, Written).ended is ended
