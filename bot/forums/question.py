"""What the model is asked about a post: a text, and a label for each tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.servers.topics.forums import MOST_TAGS, ForumSettings
from bot.tasks.zeroshot import LONGEST_LABEL, MOST_LABELS, ZeroShotRequest, ZeroShotResult
from bot.text.accepted import MAX_CHARACTERS, clean_text, has_words
from bot.text.characters import identity, visible

OTHER = "another subject"
"""Stands beside the only tag of a forum: `/zeroshot` compares two labels at least."""


class Tag(Protocol):
    """A tag of a forum, as discord.py gives it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def moderated(self) -> bool: ...


@dataclass(frozen=True)
class Labels:
    """The labels of a forum's tags.

    Attributes:
        tags: the ids of the tags that share a label, by the label as the model reads it.
    """

    tags: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, tags: Iterable[Tag], settings: ForumSettings) -> Labels:
        """Return the labels of the tags that are used and have words in them."""
        found: dict[str, tuple[int, ...]] = {}
        known: dict[str, str] = {}
        for tag in tags:
            label = label_of(tag, settings)
            if label is not None and (label in found or len(found) < MOST_LABELS):
                label = known.setdefault(identity(label), label)
                found[label] = (*found.get(label, ()), tag.id)
        return cls(found)

    def request(self, text: str) -> ZeroShotRequest:
        """Return the request about a post; raise `InvalidRequest` if there are no words in it, or no labels."""
        if not self.tags:
            raise InvalidRequest(later("This forum has no tags that I could use."))
        labels = tuple(self.tags)
        return ZeroShotRequest(text, labels if len(labels) > 1 else (*labels, OTHER), multi_label=True)

    def scores(self, result: ZeroShotResult) -> dict[int, float]:
        """Return the probability of each tag."""
        return {tag: one.probability for one in result.scores for tag in self.tags.get(one.label, ())}


def label_of(tag: Tag, settings: ForumSettings) -> str | None:
    """Return what the model reads for a tag: its description, or its name; None if it is not used."""
    own = settings.of_tag(tag.id)
    text = own.description if has_words(visible(own.description)) else tag.name
    if not own.used or not has_words(visible(text)):
        return None
    return clean_text(text, "label", LONGEST_LABEL)


def text_of_post(title: str, message: str) -> str:
    """Return what the model reads of a post: as much as a request may have."""
    # Cut last: some characters become two.
    return visible(f"{title}\n\n{message.strip()}")[:MAX_CHARACTERS]


def fitting(scores: Mapping[int, float], settings: ForumSettings) -> list[int]:
    """Return the tags whose scores reach their thresholds, likeliest first."""
    ranked = sorted(scores, key=lambda tag: -scores[tag])
    return [tag for tag in ranked if scores[tag] >= settings.threshold_of(tag)]


@dataclass(frozen=True)
class Choice:
    """The tags that a post may get.

    Attributes:
        plain: those that everybody may choose, likeliest first.
        moderated: those that only moderators may choose.
    """

    plain: tuple[int, ...]
    moderated: tuple[int, ...]


def choice_of(
    scores: Mapping[int, float], settings: ForumSettings, tags: Sequence[Tag], present: Iterable[int]
) -> Choice:
    """Choose among the tags that fit those that a post does not have, as many as it has room for."""
    there = set(present)
    room = max(min(settings.most, MOST_TAGS) - len(there), 0)
    moderated = {tag.id for tag in tags if tag.moderated}
    chosen = [tag for tag in fitting(scores, settings) if tag not in there][:room]
    return Choice(
        tuple(tag for tag in chosen if tag not in moderated), tuple(tag for tag in chosen if tag in moderated)
    )
