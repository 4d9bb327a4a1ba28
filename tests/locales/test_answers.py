"""Answers, comparisons, checkpoints and channels in another language: nothing English is left, and all of it fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import discord
import numpy as np
import pytest

from bot.channels.mood import Felt, mood_of
from bot.channels.topics import Judged, topics_of
from bot.inference.answering import Loading
from bot.inference.checkpoints.description import Origin, SourceDescription
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.inference.status import Phase
from bot.inference.together import Outcome, Outcomes
from bot.locales.message import later
from bot.pictures.stacked_shares import REST
from bot.replies.channels import mood, topics
from bot.replies.channels.facts import Place
from bot.replies.channels.progress import judging, progress_embed, reading
from bot.replies.channels.survey import Facts
from bot.replies.checkpoints.card import detail
from bot.replies.checkpoints.overview import overview
from bot.replies.comparing.render import preview, render
from bot.replies.components.attention_menus import AttentionMenus
from bot.replies.components.buttons import STOP, Action, Button, RequestButton, view_of
from bot.replies.components.modals import text_modal
from bot.replies.components.pages import Pages
from bot.replies.components.parts import Noun, part_of
from bot.replies.components.press import Item
from bot.replies.pending import FOLLOWS, loading_notice
from bot.replies.reply import SHORTENED, Reply, duration, gone_on, truncation
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads, Shown
from bot.tasks.compare import CompareRequest
from bot.tasks.sentiment import SentimentRequest
from tests.locales.pseudo import Pseudo, everywhere, marked, unmarked
from tests.odd_texts import taken
from tests.protocol.components import check_components
from tests.protocol.embeds import check_embeds
from tests.replies.checkpoints.test_card import READY, STATUS, at
from tests.replies.odd_answers import REPLIES
from tests.replies.test_attention_sink import rendered, weights
from tests.replies.test_odd_comparisons import compared

WORD = re.compile(r"(?:[^\W\d_]){3,}")
NAMES = {
    *(
        "tiny",
        "cpu",
        "bfloat",
        "float",
        "ids",
        "Ann",
        "hello",
        "sings",
        "who",
        "good",
        "POSITIVE",
        "POS",
        "PER",
        "PERSON",
    ),
    *("Tiny", "TinyModel", "TinyForCausalLM", "Embedding", "Linear", "Block", "Norm", "SiLU", "embed", "norm", "act"),
    *("layers", "bias", "small", "model", "silu", "sentiment", "generate", "general", "love", "hate", "this", "course"),
    *("http", "https", "discord", "com", "channels", "start", "end", "messages", "mean", "Ann", "English", "German"),
    *("Deutsch", "three", "one", "two", "cuda", "three", "SHA", "Apache", "main", "huggingface", "tree", "Python"),
}
"""Words of the models, of the people and of programs, which stay as they are."""
LOADING = Loading("tiny", fetching=False, fraction=None, seconds_left=3.0)
SOMEBODY_ELSES: tuple[Callable[[], str | None], ...] = (
    *(lambda: truncation(True), lambda: truncation(True, "longest text"), lambda: truncation(True, "prompt", "start")),
    *(lambda: str(SHORTENED), lambda: duration(1.0), lambda: gone_on((1,), "x")),
    *(lambda: loading_notice(LOADING).removesuffix(str(FOLLOWS)).strip(), lambda: str(REST)),
)
"""Sentences that other rooms say in answers."""

ABOUT = later("Something to explain, which is in English about as long as a placeholder of a field may be.")
LOOK = Action("look", ABOUT)
NOUNS: tuple[Noun, ...] = ("words", "places")
SURVEY = Facts(90, 60, 2, 3, True, True, True, 1e9, 1e9 + 9e5, Answer(None, "tiny", "cpu", "float32", 1.0), 9.0)
PLACE = Place(1, 2, "general")


class Doubling(Pseudo):
    """Translations that are twice as long as the English, which is more than any language of ours needs."""

    def gettext(self, message: str) -> str:
        return f"{message} {message}"


def answers() -> Iterator[Reply]:
    for make in REPLIES.values():
        yield from make("x")
    yield rendered(weights(0.7))
    yield rendered(weights(0.1))
    yield rendered(np.eye(6, 1, dtype=np.float32) @ np.ones((1, 6), np.float32), Heads.ROLLOUT)
    yield rendered(weights(0.2), Heads.ROLLOUT)


def comparisons() -> Iterator[Reply]:
    for request, results in compared("x"):
        asked = CompareRequest.of(request, ("one", "two"))
        outcomes = Outcomes(tuple(Outcome(answer=Answer(one, "x", "cpu", "float32", 1.0)) for one in results))
        yield render(asked, Answer(outcomes, "one, two", "cpu", "float32", 1.0))
        yield preview(asked, outcomes)
    waiting = Outcome(loading=LOADING)
    yield preview(CompareRequest.of(SentimentRequest("good"), ("one", "two")), Outcomes((waiting, Outcome())))


def checkpoints() -> Iterator[Reply]:
    wheel = SourceDescription(Origin.WHEELS, "tiny", "0" * 64, ("tiny==1", "one==2"))
    described = [
        READY,
        *(at(phase, source=SourceDescription(Origin.FOLDER, "tiny")) for phase in Phase),
        replace(at(Phase.FETCHING, source=wheel), activity="downloading", fraction=0.5),
        replace(READY, status=replace(STATUS, nonfinite=2, tasks=(), offered=("chat",), precision_reason="")),
        replace(
            at(Phase.WAITING), status=replace(at(Phase.WAITING).status, tasks=()), declared_family=None, files=None
        ),
    ]
    yield overview(described)
    yield from map(detail, described)


def channels() -> Iterator[Reply]:
    embeds = (
        progress_embed("general", reading(3, 90), 3, 90),
        progress_embed("general", judging(30, 90), 30, 90, 60.0),
        progress_embed("general", judging(30, 90), 30, 90, 6.0),
    )
    yield from map(Reply, embeds)
    felt = [Felt(index, 1e9 + 600 * index, index % 3, 0.9 if index % 40 < 20 else -0.9) for index in range(90)]
    yield mood.render(PLACE, mood_of(felt), SURVEY)
    judged = [Judged(1e9 + 600 * index, ("one", "two", None)[index % 3]) for index in range(90)]
    yield topics.render(PLACE, topics_of(judged, ("one", "two")), SURVEY)


ROOMS: Mapping[str, Callable[[], Iterator[Reply]]] = {
    one.__name__: one for one in (answers, comparisons, checkpoints, channels)
}


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_english_is_left(room: str) -> None:
    with marked():
        for reply in ROOMS[room]():
            for text in texts_of(reply):
                assert not untranslated(text), text


@pytest.mark.parametrize("room", ROOMS)
def test_translations_twice_as_long_fit(room: str) -> None:
    with everywhere(Doubling()):
        for reply in ROOMS[room]():
            with taken() as found:
                check_embeds(found, [dict(reply.embed.to_dict())], None)


def items() -> Iterator[Item]:
    view = AttentionView(Part.ENCODER, 1, Heads.ONE, 1)
    shown = Shown(np.ones((2, 2), np.float32), view, tuple(Part), 2, 2)
    yield from AttentionMenus(AttentionRequest("a b"), shown, ((1, 2, "x"),)).items("1")
    yield from Pages(AttentionRequest("a b"), ("one", "two", "three"), 1, ("one",)).items("1")
    for noun in NOUNS:
        menu: discord.ui.Select[discord.ui.View] = discord.ui.Select(custom_id=noun)
        menu.options = [*part_of(100, 50, 10).turns(noun)]
        yield menu
    yield RequestButton.of(Button(STOP, SentimentRequest("good")), "1")
    yield RequestButton.of(Button(LOOK, SentimentRequest("good")), "2")


def messages() -> Iterator[list[dict[str, Any]]]:
    """The components, each in a message of its own."""
    for item in items():
        view = view_of({}, [item])
        assert view is not None
        yield view.to_components()


def modal() -> dict[str, Any]:
    return text_modal(LOOK, "", label=str(ABOUT), placeholder=str(ABOUT), most=9, about=str(ABOUT)).to_dict()


def said_in(node: Any) -> Iterator[str]:
    """Yield what people read in components."""
    for one in node if isinstance(node, list) else node.values():
        if isinstance(one, (dict, list)):
            yield from said_in(one)
    if isinstance(node, dict):
        yield from (node[key] for key in ("label", "placeholder", "description") if node.get(key))


def test_nothing_english_is_left_in_components() -> None:
    with marked():
        for label in said_in([*messages()]):
            # A label that is cut has lost the mark at its end.
            assert not untranslated(f"{label}⟧" if label.endswith("…") else label), label


def test_components_with_translations_twice_as_long_fit() -> None:
    with everywhere(Doubling()):
        for components in messages():
            with taken() as found:
                check_components(found, components, None, v2=False)
        [field] = modal()["components"]
        assert max(len(modal()["title"]), len(field["label"])) <= 45
        assert max(len(field["description"]), len(field["component"]["placeholder"])) <= 100


def texts_of(reply: Reply) -> Iterator[str]:
    embed = reply.embed
    yield from filter(None, (embed.title, embed.description, embed.footer.text))
    for field in embed.fields:
        yield from (field.name or "", field.value or "")
    for button in reply.buttons:
        yield button.label or button.action.label
    if reply.file is not None and not reply.file.name.endswith(".csv"):
        yield reply.file.text


def untranslated(text: str) -> set[str]:
    for said in SOMEBODY_ELSES:
        text = text.replace(said() or "", "")
    return set(WORD.findall(re.sub(r"`[^`]*`|<t:\d+:f>|\(https?://\S+\)", "", unmarked(text)))) - NAMES
