"""The posts of forums: each is judged in one turn, and what is kept about it changes with corrections."""

from __future__ import annotations

import asyncio

from bot.storage.expiry import FORUM_SECONDS
from bot.storage.forum_posts import STALE_SECONDS
from bot.storage.tables import FORUM_POSTS
from tests.storage.conftest import Place


class Time:
    """Seconds since 1970, as a test sets them."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


POST, GUILD, FORUM = 2**62 + 1, 2**62 + 2, 2**62 + 3


async def test_of_several_processes_one_gets_the_turn(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        stores = [one, other] * 8
        turns = await asyncio.gather(*(store.forum_posts.claim(POST, guild=GUILD, forum=FORUM) for store in stores))
        [turn] = filter(None, turns)
        assert await one.forum_posts.publish(POST, turn, "{}")
        assert not await other.forum_posts.publish(POST, turn, "{}")
        assert await other.forum_posts.claim(POST, guild=GUILD, forum=FORUM) is None


async def test_the_turn_of_a_process_that_has_died_passes_on(place: Place) -> None:
    time = Time()
    async with place.open(now=time) as store:
        posts = store.forum_posts
        dead = await posts.claim(POST, guild=GUILD, forum=FORUM)
        assert dead is not None
        time.now += STALE_SECONDS + 1
        alive = await posts.claim(POST, guild=GUILD, forum=FORUM)
        assert alive not in (None, dead)
        assert not await posts.publish(POST, dead, "{}")  # it was only slow
        assert await posts.publish(POST, alive or "", "{}")
        time.now += STALE_SECONDS + 1
        assert await posts.claim(POST, guild=GUILD, forum=FORUM) is None  # people may have seen it


async def test_a_skipped_post_stays_as_it_is(place: Place) -> None:
    time = Time()
    async with place.open(now=time) as store:
        turn = await store.forum_posts.claim(POST, guild=GUILD, forum=FORUM)
        await store.forum_posts.skip(POST, turn or "")
        time.now += STALE_SECONDS + 1
        assert await store.forum_posts.claim(POST, guild=GUILD, forum=FORUM) is None
        assert await store.forum_posts.find(POST) is None
        assert not await store.forum_posts.of_forum(FORUM)


async def test_changes_of_two_processes_at_once_are_both_kept(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        turn = await one.forum_posts.claim(POST, guild=GUILD, forum=FORUM)
        assert await one.forum_posts.change(POST, lambda _: "never") is None
        await one.forum_posts.publish(POST, turn or "", "")
        assert await one.forum_posts.change(POST, lambda _: "never", done=True) is None
        await one.forum_posts.finish(POST)
        await asyncio.gather(
            *(store.forum_posts.change(POST, lambda known: known + ".") for store in (one, other) for _ in range(10))
        )
        assert await one.forum_posts.find(POST) == "." * 20
        assert await other.forum_posts.of_forum(FORUM) == {POST: "." * 20}


async def test_posts_forums_and_old_rows_are_forgotten(place: Place) -> None:
    time = Time()
    async with place.open(now=time) as store:
        posts = store.forum_posts
        for number in range(4):
            turn = await posts.claim(POST + number, guild=GUILD, forum=FORUM + number // 2)
            await posts.publish(POST + number, turn or "", "{}")
            await posts.finish(POST + number)
        await posts.forget(POST)
        assert list(await posts.of_forum(FORUM)) == [POST + 1]
        await posts.forget_forum(FORUM)
        assert not await posts.of_forum(FORUM)
        time.now += FORUM_SECONDS + 1
        assert not await posts.of_forum(FORUM + 1)  # even before it is deleted
        await store.expiry.expire()
    assert not await place.rows(FORUM_POSTS)
