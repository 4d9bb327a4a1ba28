"""What is kept about a post: the tags that it had, the tags that fit, and what people have made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError


class TagState(StrEnum):
    """What has become of a tag. The values are kept in the database."""

    WITHHELD = "withheld"  # judged, and neither proposed nor applied
    PROPOSED = "proposed"
    APPLIED = "applied"  # by the bot, or accepted by somebody
    REJECTED = "rejected"  # the bot's, but somebody has dismissed or removed it
    CHOSEN = "chosen"  # by people
    DROPPED = "dropped"  # chosen by people, who have removed it again

    @property
    def is_ours(self) -> bool:
        """Whether the bot has named the tag first."""
        return self in (TagState.PROPOSED, TagState.APPLIED, TagState.REJECTED)


class TagRecord(BaseModel):
    """A tag of one post.

    Attributes:
        score: the probability that it fits; None if it was not judged.
        fits: whether the score reached the threshold of that time.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: TagState
    score: float | None = None
    fits: bool = False


class PostRecord(BaseModel):
    """A judged post.

    Attributes:
        tags: by the ids of tags.
        work: the id of the kept request behind Show the work; empty for none.
        footer: which checkpoint has judged, and what it has read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    tags: Mapping[int, TagRecord] = {}
    work: str = ""
    footer: str = ""

    @classmethod
    def read(cls, content: str) -> PostRecord | None:
        """Read a document; None if another version has written one that this one cannot read."""
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            return None

    def with_state(self, state: TagState, tags: Iterable[int]) -> PostRecord:
        """Return the record with another state of some tags."""
        changed = {tag: self.tags.get(tag, TagRecord(state=state)).model_copy(update={"state": state}) for tag in tags}
        return self.model_copy(update={"tags": {**self.tags, **changed}})

    def those(self, *states: TagState) -> tuple[int, ...]:
        """Return the tags in some states, likeliest first."""
        found = [(-(one.score or 0.0), tag) for tag, one in self.tags.items() if one.state in states]
        return tuple(tag for _, tag in sorted(found))

    def corrected(self, applied: Collection[int], available: Collection[int]) -> PostRecord:
        """Return the record after the post's tags have changed.

        Args:
            applied: the tags that the post has now.
            available: the tags that the forum has now. A tag that was deleted from the forum says nothing about a post.
        """
        changed = {}
        for tag in available:
            one = self.tags.get(tag)
            state = _after(one, tag in applied)
            if state is not None and (one is None or state is not one.state):
                changed[tag] = TagRecord(state=state) if one is None else one.model_copy(update={"state": state})
        return self if not changed else self.model_copy(update={"tags": {**self.tags, **changed}})


_WITH = {
    TagState.WITHHELD: TagState.CHOSEN,
    TagState.PROPOSED: TagState.APPLIED,
    TagState.REJECTED: TagState.APPLIED,
    TagState.DROPPED: TagState.CHOSEN,
}
"""What a tag becomes that the post has."""
_WITHOUT = {TagState.APPLIED: TagState.REJECTED, TagState.CHOSEN: TagState.DROPPED}
"""What a tag becomes that the post does not have."""


def _after(one: TagRecord | None, is_there: bool) -> TagState | None:
    if one is None:
        return TagState.CHOSEN if is_there else None
    return (_WITH if is_there else _WITHOUT).get(one.state, one.state)
