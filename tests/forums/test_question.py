from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.errors import InvalidRequest
from bot.forums.question import OTHER, Choice, Labels, choice_of, text_of_post
from bot.inference.requests import LabelScore
from bot.servers.topics.forums import ForumSettings, TagSettings
from bot.tasks.zeroshot import ZeroShotResult


@dataclass(frozen=True)
class Named:
    """A tag of a forum."""

    id: int
    name: str
    moderated: bool = False


BUG, QUESTION, SOLVED = Named(1, "bug"), Named(2, "question"), Named(3, "solved", moderated=True)


def test_labels_are_names_or_descriptions() -> None:
    settings = ForumSettings(tags={1: TagSettings(description="a report of an error"), 3: TagSettings(used=False)})
    labels = Labels.of([BUG, QUESTION, SOLVED, Named(4, "🎉")], settings)
    assert labels.tags == {"a report of an error": (1,), "question": (2,)}
    request = labels.request("It crashes")
    assert request.labels == ("a report of an error", "question")
    assert request.multi_label


def test_an_emoji_becomes_a_label_by_its_description() -> None:
    settings = ForumSettings(tags={4: TagSettings(description="a celebration")})
    assert Labels.of([Named(4, "🎉")], settings).tags == {"a celebration": (4,)}


def test_the_only_tag_of_a_forum_is_judged_beside_another_subject() -> None:
    labels = Labels.of([BUG], ForumSettings())
    assert labels.request("It crashes").labels == ("bug", OTHER)
    result = ZeroShotResult((LabelScore(OTHER, 0.9), LabelScore("bug", 0.2)), True, False)
    assert labels.scores(result) == {1: 0.2}


def test_tags_with_one_name_share_a_score() -> None:
    labels = Labels.of([BUG, Named(5, "BUG"), QUESTION], ForumSettings())
    assert labels.request("It crashes").labels == ("bug", "question")
    result = ZeroShotResult((LabelScore("bug", 0.9), LabelScore("question", 0.1)), True, False)
    assert labels.scores(result) == {1: 0.9, 5: 0.9, 2: 0.1}


def test_a_forum_without_tags_asks_nothing() -> None:
    with pytest.raises(InvalidRequest):
        Labels.of([], ForumSettings()).request("It crashes")


def test_a_post_without_words_asks_nothing() -> None:
    with pytest.raises(InvalidRequest):
        Labels.of([BUG, QUESTION], ForumSettings()).request(text_of_post("🎉", " "))


def test_a_long_post_is_cut() -> None:
    text = text_of_post("Title", "word " * 2_000)
    assert text.startswith("Title\n\nword")
    assert len(Labels.of([BUG, QUESTION], ForumSettings()).request(text).text) <= 4_000


TAGS = [BUG, QUESTION, SOLVED]


def test_tags_from_their_threshold_on_likeliest_first() -> None:
    settings = ForumSettings(threshold=0.5, tags={2: TagSettings(threshold=0.95)})
    assert choice_of({1: 0.5, 2: 0.94, 3: 0.7}, settings, TAGS, []) == Choice((1,), (3,))
    assert choice_of({1: 0.49, 2: 0.95, 3: 0.1}, settings, TAGS, []) == Choice((2,), ())


def test_tags_of_people_stay_and_take_room() -> None:
    scores = {1: 0.9, 2: 0.95, 3: 0.99}
    assert choice_of(scores, ForumSettings(most=2), TAGS, [3]) == Choice((2,), ())
    assert choice_of(scores, ForumSettings(most=1), TAGS, [7]) == Choice((), ())
    assert choice_of(scores, ForumSettings(most=5), TAGS, [1, 2, 3]) == Choice((), ())
