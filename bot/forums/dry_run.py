"""A dry run: which tags the last posts would get, compared with those that they have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.errors import GlassboxError, InvalidRequest, describe
from bot.forums.judging import judged
from bot.forums.precision import Share, TagTally
from bot.forums.question import Labels
from bot.forums.reading import read_post
from bot.forums.services import Services
from bot.locales.lists import joined
from bot.servers.topics.forums import MOST_TAGS, ForumSettings
from bot.storage.opt_outs import ReadAlong

log = logging.getLogger(__name__)

POSTS = 50
AT_ONCE = 4
"""Posts that are read and judged at the same time."""

TELL_SECONDS = 2.5
"""Between two notices of how far it is; Discord allows about one a second."""
LONGEST_SECONDS = 12 * 60.0
"""Discord forgets an interaction after 15 minutes."""

Progress = Callable[[int], Awaitable[None]]
"""Is told how many posts are done."""


@dataclass(frozen=True)
class JudgedPost:
    """A post, and what the model says about it.

    Attributes:
        tags: that it has.
        scores: the probability of each tag.
        has_message: whether the first message was read.
    """

    post: int
    title: str
    tags: frozenset[int]
    scores: Mapping[int, float]
    has_message: bool

    def would_get(self, settings: ForumSettings) -> list[int]:
        """Return the tags that fit, likeliest first, as if the post had none yet."""
        ranked = sorted(self.scores, key=lambda tag: -self.scores[tag])
        fits = [tag for tag in ranked if self.scores[tag] >= settings.threshold_of(tag)]
        return fits[: min(settings.most, MOST_TAGS)]


@dataclass(frozen=True)
class DryRun:
    """The outcome of a dry run.

    Attributes:
        posts: newest first.
        left_out: posts whose authors do not want tags.
        unjudged: posts without words, or without an answer.
        checkpoint: which one has judged.
    """

    posts: tuple[JudgedPost, ...]
    left_out: int = 0
    unjudged: int = 0
    checkpoint: str = ""

    def tally(self, settings: ForumSettings) -> Mapping[int, TagTally]:
        """Compare the tags that posts would get with those that they have.

        Posts without any tag are left out: nobody has said which tags fit them.
        """
        found: dict[int, TagTally] = {}
        for post in self.posts:
            if not post.tags:
                continue
            given = set(post.would_get(settings))
            for tag in post.scores:
                one = TagTally(
                    Share(int(tag in post.tags), 1) if tag in given else Share(0, 0),
                    Share(int(tag in given), 1) if tag in post.tags else Share(0, 0),
                )
                found[tag] = found.get(tag, TagTally()) + one
        return found


def total(tallies: Iterable[TagTally]) -> TagTally:
    """Add up how several tags have done."""
    return sum(tallies, TagTally())


async def dry_run(
    services: Services, posts: list[discord.Thread], labels: Labels, person: int, progress: Progress
) -> DryRun:
    """Judge posts in the background, behind everybody who waits for an answer.

    After `LONGEST_SECONDS`, the outcome is about those that are done.

    Args:
        person: who asks.
        progress: is told how many posts are done, now and then. If it raises, the run ends.

    Raises:
        FAILURES: it is not known who has opted out.
    """
    out = await services.store.opt_outs.among([post.owner_id for post in posts], ReadAlong.FORUM_TAGS)
    mine = [post for post in posts if post.owner_id not in out]
    turns = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(_judge(services, post, labels, person, turns)) for post in mine]
    try:
        await _watch(tasks, progress)
    finally:
        for task in tasks:
            task.cancel()
    found = [task.result() for task in tasks if task.done() and not task.cancelled()]
    known = [one for one in found if one is not None]
    checkpoints = joined(sorted({checkpoint for _post, checkpoint in known}))
    return DryRun(tuple(post for post, _ in known), len(posts) - len(mine), len(mine) - len(known), checkpoints)


async def _watch(tasks: Sequence[asyncio.Task[object]], progress: Progress) -> None:
    """Wait for tasks, and tell how many are done."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_SECONDS
    pending = set(tasks)
    while pending and (left := end - loop.time()) > 0:
        _, pending = await asyncio.wait(pending, timeout=min(TELL_SECONDS, left))
        if pending:
            await progress(len(tasks) - len(pending))


async def _judge(
    services: Services, post: discord.Thread, labels: Labels, person: int, turns: asyncio.Semaphore
) -> tuple[JudgedPost, str] | None:
    """Judge a post; return None if there is nothing to judge, or it could not be."""
    async with turns:
        text = await read_post(post, reads_messages=services.reads_messages)
        try:
            answer = await judged(services.backend, labels.request(text.text), person, background=True)
        except InvalidRequest:  # such as a title of emoji
            return None
        except GlassboxError as error:
            log.info("a post was not judged: %s", describe(error))
            return None
    tags = frozenset(tag.id for tag in post.applied_tags)
    scores = labels.scores(answer.result)
    return JudgedPost(post.id, post.name, tags, scores, text.has_message), answer.checkpoint
