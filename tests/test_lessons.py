"""The examples of docs/lessons, computed again: needs the starter's language model in this machine's cache."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.generation.token_logprobs import ForcedText
from bot.inference.heads.inspection.layer_lens import Lens, LensReading
from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.locales.numbers import MINUS
from bot.replies.comparing.families import masks_in_words
from bot.replies.results.attention_worked import steps_in_words
from bot.replies.work.blocks import plain, plain_page
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import TASK as ATTENTION
from bot.tasks.attention import AttentionRequest, AttentionResult
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.generate import TASK as GENERATE
from bot.tasks.generate import GenerateRequest, read_prompt
from bot.tasks.guess import TASK as GUESS
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import TASK as SIMILARITY
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.translation.drafting import scored_form
from bot.tasks.work.blocks import Table, TokenPairs
from bot.tasks.work.explanations import TASK as WORK
from bot.tasks.work.flipping import search
from bot.tasks.work.other_tokens import Places, branched
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.temperatures import at_temperatures
from bot.tasks.work.writing_evidence import written_value
from bot.tasks.work.written import token_pages
from tests.support import CPU

LESSONS = Path(__file__).parents[1] / "docs" / "lessons"
CACHE = Path.home() / ".cache" / "glassbox" / "checkpoints"


def starter() -> Any:
    """The starter's language model; the test is skipped where it was never downloaded."""
    folders = [one for one in CACHE.glob("smollm2-135m-instruct*") if one.is_dir()]
    if not folders:
        pytest.skip("python -m bot pull has not been run here")
    return load_head(folders[0], CPU)


def encoder() -> Any:
    """The starter's encoder, likewise."""
    folders = [one for one in CACHE.glob("*all-minilm-l6*") if one.is_dir()]
    if not folders:
        pytest.skip("python -m bot pull has not been run here")
    return load_head(folders[0], CPU)


def figures(text: str) -> set[str]:
    """All numbers with a decimal point or a comma, without their signs."""
    return set(re.findall(r"(?<![\d.:/])\d[\d,]*\.\d+(?![\d.])|(?<![\d.])\d{1,3},\d{3}(?![\d.])", text))


def pages(head: Any, requests: Iterable[Request[Any]]) -> str:
    """Show the work of some requests, as in its file."""
    opened = (run_task(WORK.start(head, WorkRequest.of(request))) for request in requests)
    return "\n".join(plain_page(page) for one in opened for page in one.pages)


TEXT = "I love to hate this course"
GREETING = "My name is Sylvain and I work at Hugging Face in Brooklyn."
ITALY = Exchange("Ann", "What is the capital of France?", "The capital of France is Paris.")
EXAMPLES: dict[str, tuple[Request[Any], ...]] = {
    "vectors": (SentimentRequest(TEXT),),
    "sampling": (
        GenerateRequest("In this course, we will teach you how to", max_new_tokens=40, temperature=0.8, seed=1),
        CompleteRequest("def fibonacci(n):", temperature=0),
    ),
    "contexts": (
        ChatRequest("What is the capital of France?", 1, "Ann", temperature=0),
        ChatRequest("And of Italy?", 1, "Ann", (ITALY,), temperature=0),
    ),
    "spans": (EntitiesRequest(GREETING), AnswerRequest("Where do I work?", GREETING)),
}
OF_OTHERS = {
    "vectors": {"8.44", "5.14"},  # the encoder's: below
    "sampling": {"0.8", "0.95"},  # what is asked for
    "contexts": {"2,223"},  # of the licence, whose summary takes minutes
    "spans": {"0.9739", "0.9888", "0.9813"},  # the course's: below
}


@pytest.mark.slow
@pytest.mark.parametrize("lesson", EXAMPLES)
def test_the_numbers_are_those_of_the_pages(lesson: str) -> None:
    wanted = figures((LESSONS / f"{lesson}.md").read_text("utf-8")) - OF_OTHERS[lesson]
    assert wanted
    assert wanted <= figures(pages(starter(), EXAMPLES[lesson]))


def test_tokens() -> None:
    head, lesson = starter(), (LESSONS / "tokens.md").read_text("utf-8")
    ids = head.tokenizer.encode(f"Review: {TEXT}\nSentiment:")
    [names, _, numbers] = [line.strip("|").split("|") for line in lesson.splitlines() if line.startswith("|")]
    assert [int(one) for one in numbers] == list(ids)
    pieces = [name.strip(" ").strip("`") for name in names]
    assert [head.decode([one]).replace("\n", "⏎") for one in ids] == pieces


def test_softmax() -> None:
    lesson = (LESSONS / "softmax.md").read_text("utf-8")
    first, second = -1.5607, 1.6123
    sum_ = math.exp(first) + math.exp(second)
    worked = [f"{math.exp(one):.3f}" for one in (first, second)]
    worked += [f"{math.exp(one) / sum_:.4f}" for one in (first, second)]
    worked += [f"{math.exp(one) / (math.exp(3) + math.exp(5)):.4f}" for one in (3, 5)]
    assert all(one in lesson for one in worked)
    assert abs((0.9739 + 0.9888) / 2 - 0.9813) < 0.0001  # of spans.md
    table = figures(lesson.split("## With a language model")[1].split("**A mask**")[0]) - {"0.30", "2102.09690"}
    assert table <= figures(pages(starter(), [SentimentRequest(TEXT)]))


def test_cosines() -> None:
    head = encoder()
    requests = [
        SimilarityRequest(("A cat sleeps.", "A kitten naps.", "It rains.")),
        SimilarityRequest(("The service was good.", "The service was bad.")),
    ]
    found = figures(pages(head, requests))
    lesson = (LESSONS / "cosine.md").read_text("utf-8").split("## What a cosine is")[1]
    assert figures(lesson) - {"0.7"} <= found
    assert {"8.44", "5.14"} <= found


def test_every_lesson_of_the_course_is_there() -> None:
    course = (LESSONS.parent / "HOW-TO-READ.md").read_text("utf-8")
    linked = {*re.findall(r"lessons/([a-z-]+)\.md", course)}
    for lesson in linked:
        linked = linked | {*re.findall(r"\]\(([a-z-]+)\.md\)", (LESSONS / f"{lesson}.md").read_text("utf-8"))}
    assert linked == {one.stem for one in LESSONS.glob("*.md")}


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def test_layers() -> None:
    head = starter()
    reading = head.reading(head.encode("The capital of France is")).inputs
    [found] = run_task(head.lens([LensReading(reading, -1).row]))
    assert isinstance(found, Lens)
    lesson = (LESSONS / "layers.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lesson.splitlines() if line.startswith("|")]
    rows = {first: others for first, *others in cells}

    guesses = {0: rows["the embeddings"], **{n: rows[f"layer {n}"] for n in (20, 28, 29, 30)}}
    for layer, (likeliest, followed) in guesses.items():
        assert f"{100 * found.likeliest_probs[layer]:.1f} %" in likeliest
        text = head.decode([int(found.likeliest[layer])])
        assert f"`{text}`" in likeliest or text == " "
        share = 100 * float(found.probs[layer])
        assert followed == ("below 0.1 %" if 0.001 < share < 0.05 or followed.startswith("below") else f"{share:.1f} %")
        assert share < 0.1 or not followed.startswith("below")
    named = (22, 25, 29, 30)
    assert all(rows[str(layer)][0] == signed(found.shares[layer]) for layer in named)
    others = found.shares.sum() + found.rest - sum(found.shares[layer] for layer in named)
    assert rows["all others and the embeddings"][0] == signed(others)
    assert rows["sum"][0] == signed(found.difference)
    assert f"{found.difference:.4f}" in lesson


def test_attention() -> None:
    head = starter()
    lesson = (LESSONS / "attention.md").read_text()

    def seen(view: AttentionView) -> AttentionResult:
        request = AttentionRequest("I love to hate this course", task="generate", view=view)
        return run_task(ATTENTION.start(head, request))

    worked = seen(AttentionView(None, 20, Heads.WORKED, 3, 5, 2))
    names = [token.text.strip() for token in worked.keys]
    assert (names[4], names[1]) == ("this", "love")
    for step in steps_in_words(worked):
        numbers = [
            one.strip("().,") for one in step.text.replace(MINUS, "-").split() if one.strip("().,")[-3:].isdigit()
        ]
        assert numbers
        assert step.name in lesson
        assert all(number.removeprefix("e^(") in lesson.replace(MINUS, "-") for number in numbers), step
    arriving = seen(AttentionView(None, 20, Heads.ARRIVING))
    assert arriving.sink_by_weight is not None
    assert arriving.sink_by_weight.key == 0
    shares = f"{arriving.sink_by_weight.share:.2f}", f"{arriving.shown.weights[1:, 0].mean():.2f}"
    assert f"**{shares[0]} of all weight, and {shares[1]} of all that arrives**" in lesson


def test_cosine() -> None:
    folders = [one for one in CACHE.glob("*all-minilm-l6*") if one.is_dir()]
    if not folders:
        pytest.skip("python -m bot pull has not been run here")
    head = load_head(folders[0], CPU)
    lesson = (LESSONS / "cosine.md").read_text()
    request = SimilarityRequest(("A cat sleeps.", "A dog is sleeping."))
    page = next(
        one for one in run_task(WORK.start(head, WorkRequest.of(request))).pages if isinstance(one.picture, TokenPairs)
    )
    assert isinstance(page.picture, TokenPairs)
    values = {
        (row, column): value
        for row, line in zip(page.picture.rows, page.picture.values, strict=True)
        for column, value in zip(page.picture.columns, line, strict=True)
    }
    largest = sorted(values, key=lambda pair: -values[pair])[:4]
    for pair in largest:
        assert f"| `{pair[0]}` | `{pair[1]}` | {values[pair]:+.4f} |" in lesson
    rest = page.picture.cosine - sum(values[pair] for pair in largest)
    assert f"| all other {len(values) - 4} pairs | | {rest:+.4f} |" in lesson
    assert f"| sum | | {page.picture.cosine:+.4f} |" in lesson
    cosine = run_task(SIMILARITY.start(head, request)).cosines[0][1]
    assert f"The cosine of the answer is {cosine:.4f} as well." in lesson


def test_written() -> None:
    head = starter()
    lesson = (LESSONS / "written.md").read_text()
    request = TranslateRequest("The sea is blue.", "fr")
    assert f"`/translate text:{request.text} from:en to:fr`" in lesson
    value = written_value(head, request, head.encode_rest(scored_form("La mer sera blanche.")))
    log_ps = {text: run_task(value(text)) for text in (request.text, "", "The is")}

    whole, nothing, rest = (signed(float(found[-1])) for found in log_ps.values())
    assert f"from {nothing} without any word to {whole} with all" in lesson
    assert f"log p goes from {whole} to {rest}" in lesson
    scores = re.findall(r"^\| (\S+) \| ([+−]\d+\.\d\d) \|$", lesson.partition("wrong?")[2], re.MULTILINE)
    assert [word for word, _ in scores] == ["blue.", "sea", "The", "is"]
    added = sum(float(score.replace("−", "-")) for _, score in scores)
    difference = float(log_ps[request.text][-1] - log_ps[""][-1])
    assert added == pytest.approx(difference, abs=0.02)
    assert f"They add up to {signed(difference)}" in lesson


def test_families() -> None:
    folders = [one for one in CACHE.glob("*all-minilm-l6*") if one.is_dir()]
    if not folders:
        pytest.skip("python -m bot pull has not been run here")
    lesson = " ".join((LESSONS / "families.md").read_text().split())
    request = AttentionRequest("I love to hate this course", view=AttentionView(heads=Heads.MASKS))
    for head in (load_head(folders[0], CPU), starter()):
        seen = run_task(ATTENTION.start(head, request)).seen
        assert seen is not None
        [said] = masks_in_words(seen)
        visible = seen.masks[0].visible
        assert said[0].lower() + said[1:].split(", ")[0].rstrip(".") in lesson
        assert f"Of {visible.size} pairs, {int(visible.sum())} can be seen." in lesson
        if seen.probability is not None:
            assert f"Out comes `{seen.outcome}`, with {100 * seen.probability:.1f} %, as the next token." in lesson


def test_flip() -> None:
    head = starter()
    lesson = (LESSONS / "flip.md").read_text()
    found = run_task(search(head, SentimentRequest("I love to hate this course"), (), finer=False))
    said = {found.whole.names[one.parts[0]]: (found.share(one), found.flips(one)) for one in found.singles}
    assert len(said) == 6
    for word, (share, flips) in said.items():
        assert f"| {word} | {100 * share:.1f} % | {'yes' if flips else 'no'} |" in lesson
    assert f"NEGATIVE with {100 * found.before[found.best]:.1f} %" in lesson
    assert found.flip is not None
    assert found.flip.change.text in lesson
    assert f"POSITIVE with {100 * found.flip.shares.max():.1f} %" in lesson


def test_temperature() -> None:
    head = starter()
    lesson = " ".join((LESSONS / "temperature.md").read_text().split())
    [written] = [head.encode_rest(" that")]
    forced = ForcedText(
        head.encode("The best thing about summer is"), written, Sampling(0.7, 0.95, 1), keeps_logits=True
    )
    [found] = run_task(head.token_log_probs([forced.row]))
    logits = found.least_logits
    shown = [head.encode_rest(f" {word}")[0] for word in ("the", "that", "it")]
    views = at_temperatures(logits, shown, ("the", "that", "it"), 1, "", top_p=0.95)
    tables = [one for view in views for one in view.blocks if isinstance(one, Table)]
    for place, word in enumerate(("the", "that", "it")):
        cells = [one.columns[-2].cells[place] for one in tables]
        assert f"| {word} | {' | '.join(f'{100 * float(str(cell)):.1f} %' for cell in cells)} |" in lesson
    assert f"{logits[shown[0]] - logits[shown[1]]:.3f} logits apart" in lesson
    cuts = [plain(view.blocks[1]) for view in views]
    for cut, kept in zip(cuts, ("2 of 49,152", "20 of 49,152", "468 of 49,152", "7,760 of 49,152"), strict=True):
        assert f"would leave {kept} tokens" in cut
        assert kept.split(" of ")[0] in lesson


def test_other_token() -> None:
    head = starter()
    lesson = (LESSONS / "other-token.md").read_text()

    def places(request: GenerateRequest, written: tuple[tuple[int, ...], ...]) -> Places:
        # Only the pages of the tokens: the others take ten times as long.
        text = ForcedText(read_prompt(head, request).ids, written[0], Sampling(request.temperature, request.top_p, 0))
        pages, _ = token_pages(head, [text], run_task(head.token_log_probs([text.row])), can_branch=True)
        [found] = [page.places for page in pages if page.places is not None]
        return found

    asked = GenerateRequest("The best pet is a", 12, top_p=0.01)
    first = run_task(GENERATE.start(head, asked))
    assert f"> {asked.prompt} **{first.continuations[0].text.strip()}**" in lesson
    known = places(asked, first.generated)
    for place in known.places[:4]:
        share = f"{100 * place.taken.probability:.1f} %"
        assert f"| {place.number} | {place.taken.token.text}, {share} | {place.bits:.2f} |" in lesson
    for number, word in ((1, "dog"), (4, "dogs")):
        [other] = [one for one in known.at(number).others if one.token.text == word]
        request = branched(asked, known.written, number, other.token.id)
        assert isinstance(request, GenerateRequest)
        result = run_task(GENERATE.start(head, request))
        share = f"{100 * other.probability:.1f} %"
        assert f"**{result.continuations[0].text.strip()}**" in lesson
        assert f"{share} for *{word}* at place {number}" in " ".join(lesson.split())
        assert f"{100 * places(request, result.generated).at(number).taken.probability:.1f} %" == share


def test_guess() -> None:
    head = starter()
    lesson = " ".join((LESSONS / "guess.md").read_text().split())
    for prompt in ("The capital of France is", "The best pet is a"):
        assert f"`/guess text:{prompt} command:/generate`" in lesson
        options = run_task(GUESS.start(head, GuessRequest.of(GenerateRequest(prompt, 1, top_p=0.01)))).options
        assert [one.label for one in options] == sorted((one.label for one in options), key=str.casefold)
        rows = [f"| {one.label.strip()} | {100 * one.probability:.1f} % |" for one in options]
        assert " ".join(sorted(rows, key=lambda row: -float(row.split()[3]))) in lesson
    assert 1 - sum(one.probability for one in options) > 1 / 3
    asked = GuessRequest.of(SentimentRequest("I love to hate this course"))
    [negative, _] = run_task(GUESS.start(head, asked)).options
    assert f"It is {negative.label}, with {100 * negative.probability:.1f} %" in lesson
