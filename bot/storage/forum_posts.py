"""The posts of forums that were judged, so that each is judged once, and corrections can be counted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum

from sqlalchemy import BigInteger, Connection, Double, Text, bindparam, delete, select, update

from bot.storage.database import Database, Values
from bot.storage.expiry import FORUM_SECONDS
from bot.storage.tables import FORUM_POSTS
from bot.storage.upserts import insert_into

STALE_SECONDS = 15 * 60.0
"""After so long, a turn that has published nothing counts as that of a process that has died."""
MOST_READ = 5_000
"""Posts of one report: the newest."""


class PostState(StrEnum):
    """How far a post is. The values are kept in the database."""

    JUDGING = "judging"
    PUBLISHING = "publishing"  # people may see the outcome already, so nobody begins anew
    DONE = "done"
    SKIPPED = "skipped"


_POST = FORUM_POSTS.c.thread_id == bindparam("post", type_=BigInteger)
_MY_TURN = (
    FORUM_POSTS.c.thread_id == bindparam("post", type_=BigInteger),
    FORUM_POSTS.c.token == bindparam("turn", type_=Text),
    FORUM_POSTS.c.state == PostState.JUDGING.value,
)
_JUDGED = FORUM_POSTS.c.state.in_([PostState.PUBLISHING.value, PostState.DONE.value])
_DONE = FORUM_POSTS.c.state == PostState.DONE.value
_END = update(FORUM_POSTS).where(*_MY_TURN).values(state=bindparam("new"), content=bindparam("record", type_=Text))
_FINISH = (
    update(FORUM_POSTS)
    .where(_POST, FORUM_POSTS.c.state == PostState.PUBLISHING.value)
    .values(state=PostState.DONE.value)
)
_FIND = select(FORUM_POSTS.c.content).where(_POST, _JUDGED)
_CHANGE = update(FORUM_POSTS).where(_POST).values(content=bindparam("record", type_=Text))
_OF_FORUM = (
    select(FORUM_POSTS.c.thread_id, FORUM_POSTS.c.content)
    .where(
        FORUM_POSTS.c.forum_id == bindparam("forum", type_=BigInteger),
        FORUM_POSTS.c.created >= bindparam("since", type_=Double),
        _DONE,
    )
    .order_by(FORUM_POSTS.c.created.desc())
    .limit(MOST_READ)
)
_FORGET = delete(FORUM_POSTS).where(_POST)
_FORGET_FORUM = delete(FORUM_POSTS).where(FORUM_POSTS.c.forum_id == bindparam("forum", type_=BigInteger))


class ForumPosts:
    """Posts of forums, each with a document (see `bot.forums.record`). All methods raise `FAILURES`."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        token, created = bindparam("turn", type_=Text), bindparam("now", type_=Double)
        insert = insert_into(FORUM_POSTS, database.dialect).values(
            thread_id=bindparam("post", type_=BigInteger),
            guild_id=bindparam("guild", type_=BigInteger),
            forum_id=bindparam("forum", type_=BigInteger),
            state=PostState.JUDGING.value,
            token=token,
            content="",
            created=created,
        )
        self._claim = insert.on_conflict_do_update(
            index_elements=["thread_id"],
            set_={"token": token, "created": created},
            where=(FORUM_POSTS.c.state == PostState.JUDGING.value)
            & (FORUM_POSTS.c.created < bindparam("stale", type_=Double)),
        )

    async def claim(self, post: int, *, guild: int, forum: int) -> str | None:
        """Begin to judge a post, and return the token of this turn; None if it is, or was, another's turn."""
        turn, now = secrets.token_urlsafe(9), self._now()
        whose: Values = {"post": post, "guild": guild, "forum": forum, "turn": turn}
        values = {**whose, "now": now, "stale": now - STALE_SECONDS}
        return turn if await self._database.run(self._claim, values) else None

    async def publish(self, post: int, turn: str, record: str) -> bool:
        """Keep what was judged, before people see it; return whether it is still this turn."""
        return await self._end(post, turn, PostState.PUBLISHING, record)

    async def skip(self, post: int, turn: str) -> None:
        """Note that a post gets no tags, for good."""
        await self._end(post, turn, PostState.SKIPPED, "")

    async def finish(self, post: int) -> None:
        """Note that people see what was published."""
        await self._database.run(_FINISH, {"post": post})

    async def find(self, post: int) -> str | None:
        """Return a judged post's document; None if it was not judged."""
        return next((row.content for row in await self._database.rows(_FIND, {"post": post})), None)

    async def change(self, post: int, change: Callable[[str], str], *, done: bool = False) -> str | None:
        """Replace a judged post's document in one transaction, and return the new one; None if it was not judged.

        Args:
            done: whether a post that is being published counts as not judged yet.
        """
        statement = select(FORUM_POSTS.c.content).where(_POST, _DONE if done else _JUDGED)

        def work(connection: Connection) -> str | None:
            found = connection.execute(statement.with_for_update(), {"post": post}).first()
            if found is None:
                return None
            record = change(found.content)
            connection.execute(_CHANGE, {"post": post, "record": record})
            return record

        # Most events change nothing, and SQLite has one writer at a time.
        for row in await self._database.rows(statement, {"post": post}):
            return await self._database.transaction(work) if change(row.content) != row.content else row.content
        return None

    async def of_forum(self, forum: int) -> Mapping[int, str]:
        """Return the documents of a forum's newest judged posts, by the posts' ids, newest first."""
        values = {"forum": forum, "since": self._now() - FORUM_SECONDS}
        return {row.thread_id: row.content for row in await self._database.rows(_OF_FORUM, values)}

    async def forget(self, post: int) -> None:
        """Delete what is kept about a post."""
        await self._database.run(_FORGET, {"post": post})

    async def forget_forum(self, forum: int) -> None:
        """Delete what is kept about a forum."""
        await self._database.run(_FORGET_FORUM, {"forum": forum})

    async def _end(self, post: int, turn: str, state: PostState, record: str) -> bool:
        values: Values = {"post": post, "turn": turn, "new": state.value, "record": record}
        return bool(await self._database.run(_END, values))
