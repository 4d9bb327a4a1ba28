"""Judges new posts of forums, and applies or proposes the tags that fit."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import discord

from bot.errors import GlassboxError, InvalidRequest, describe
from bot.forums.judging import judged
from bot.forums.line import Line
from bot.forums.publishing import Publisher
from bot.forums.question import Choice, Labels, choice_of, fitting
from bot.forums.reading import PostText, read_post
from bot.forums.record import PostRecord, TagRecord, TagState
from bot.forums.services import Services, forum_of
from bot.inference.requests import Answer
from bot.locales.lists import sentences
from bot.locales.message import later
from bot.replies.reply import footer, truncation
from bot.replies.work.offer import work_of
from bot.request_ids import request_id
from bot.servers.speech import speak_in
from bot.servers.topics.forums import ForumMode, ForumSettings
from bot.storage.database import FAILURES
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult

log = logging.getLogger(__name__)

CATCH_UP_SECONDS = 24 * 3600.0
"""How old a post may be that was created while the bot was away. An older one stays as it is."""
TITLE_ONLY = later("Only the title was read.")
TITLE_AND_MESSAGE = later("Title and first message were read.")


@dataclass(frozen=True)
class Judgement:
    """What the model says about a post.

    Attributes:
        scores: the probability of each tag.
    """

    request: ZeroShotRequest
    answer: Answer[ZeroShotResult]
    scores: dict[int, float]
    text: PostText

    @property
    def footer(self) -> str:
        """Who has judged, and what was read."""
        read = TITLE_AND_MESSAGE if self.text.has_message else TITLE_ONLY
        cut = truncation(self.answer.result.truncated, "post")
        return footer(self.answer, sentences(read, cut))


class Tagger:
    """Gives new posts their tags, each once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._publisher = Publisher(services)
        self._line = Line(self._consider)

    def close(self) -> None:
        """Begin nothing new."""
        self._line.close()

    async def welcome(self, thread: discord.Thread) -> None:
        """Judge a post when it is its turn, if its forum wants that."""
        forum = forum_of(thread)
        if forum is None or not _is_due(thread, await self._services.settings(forum)):
            return
        if not self._line.join(thread):
            log.warning("a post gets no tags: %d others are in line", len(self._line))

    async def catch_up(self, guild: discord.Guild) -> None:
        """Judge the posts of a server that were created while the bot was away."""
        # Discord sends the active threads with the server, so this asks nobody anything where there are no new ones.
        recent = [one for one in guild.threads if forum_of(one) is not None and _age(one) < CATCH_UP_SECONDS]
        for thread in sorted(recent, key=lambda one: one.id):
            await self.welcome(thread)

    async def _consider(self, thread: discord.Thread) -> None:
        """Judge a post if nobody has yet. Whatever fails is logged, and the post stays as it is."""
        forum = forum_of(thread)
        if forum is None:
            return
        posts = self._services.store.forum_posts
        request_id.set(str(thread.id))
        await speak_in(self._services.servers, forum.guild)
        try:
            turn = await posts.claim(thread.id, guild=forum.guild.id, forum=forum.id)
            if turn is None:
                return
            if not await self._give_tags(thread, forum, turn):
                await posts.skip(thread.id, turn)
        except FAILURES as error:
            # Without a turn of its own it could get its tags twice. It is caught up with later.
            log.warning("a post cannot be judged: %s", describe(error))
        except Exception as error:
            log.error("a post cannot be judged: %s", describe(error))

    async def _give_tags(self, thread: discord.Thread, forum: discord.ForumChannel, turn: str) -> bool:
        """Judge a post and publish the outcome; return False if it is left alone."""
        if self._publisher.is_refused(forum) or not await self._services.wants_tags(thread):
            return False
        judgement = await self._judge(thread, forum)
        if judgement is None:
            return False
        # Minutes may have passed in the queue.
        settings = await self._services.settings(forum)
        current = await self._publisher.refreshed(thread)
        if current is None or settings.mode is ForumMode.OFF:
            return False
        present = [tag.id for tag in current.applied_tags]
        choice = choice_of(judgement.scores, settings, forum.available_tags, present)
        work = await self._keep_work(judgement, thread) if choice.plain or choice.moderated else ""
        record = record_of(judgement, settings, choice, present, work)
        await self._publisher.publish(current, turn, record, settings, present)
        return True

    async def _judge(self, thread: discord.Thread, forum: discord.ForumChannel) -> Judgement | None:
        """Ask the model; return None if there is nothing to ask, or it cannot answer."""
        settings = await self._services.settings(forum)
        labels = Labels.of(forum.available_tags, settings)
        if not labels.tags:
            return None
        text = await read_post(thread, reads_messages=self._services.reads_messages, is_new=True)
        try:
            request = labels.request(text.text)
            answer = await judged(self._services.backend, request, thread.owner_id)
        except InvalidRequest:  # such as a title of emoji
            return None
        except GlassboxError as error:
            log.warning("a post gets no tags: %s", describe(error))
            return None
        return Judgement(request, answer, labels.scores(answer.result), text)

    async def _keep_work(self, judgement: Judgement, thread: discord.Thread) -> str:
        work = work_of(judgement.request, judgement.answer.result)
        if work is None:
            return ""
        return await self._services.store.keep(work, person=thread.owner_id, guild_id=thread.guild.id)


def record_of(
    judgement: Judgement, settings: ForumSettings, choice: Choice, present: list[int], work: str
) -> PostRecord:
    """Return what is kept about a post: every tag that was judged, and those that it had."""
    # Moderators decide about their own tags, whatever the mode.
    applies = settings.mode is ForumMode.APPLY
    states = dict.fromkeys(judgement.scores, TagState.WITHHELD)
    states |= dict.fromkeys(choice.plain, TagState.APPLIED if applies else TagState.PROPOSED)
    states |= dict.fromkeys(choice.moderated, TagState.PROPOSED)
    states |= dict.fromkeys(present, TagState.CHOSEN)
    fits = set(fitting(judgement.scores, settings))
    tags = {
        tag: TagRecord(state=state, score=judgement.scores.get(tag), fits=tag in fits) for tag, state in states.items()
    }
    return PostRecord(tags=tags, work=work, footer=judgement.footer)


def _age(thread: discord.Thread) -> float:
    """Return the seconds since a post was created."""
    return (discord.utils.utcnow() - discord.utils.snowflake_time(thread.id)).total_seconds()


def _is_due(thread: discord.Thread, settings: ForumSettings) -> bool:
    created = discord.utils.snowflake_time(thread.id).timestamp()
    return settings.mode is not ForumMode.OFF and created >= settings.since and _age(thread) < CATCH_UP_SECONDS
