"""`/privacy`, as people use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from bot.errors import RequestForgotten
from bot.storage.opt_outs import ReadAlong
from bot.tasks.sentiment import SentimentRequest
from cogs.privacy import NOT_SAVED, NOT_SURE
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.layouts import custom_ids, forge_modal, forge_press, texts
from tests.support import device_held

TICKED, UNTICKED = ({"type": 23, "custom_id": "sure", "value": value} for value in (True, False))


async def shown(scene: Scene, who: Any) -> Any:
    result = await who.slash(scene.channel, "privacy")
    assert result.ephemeral
    return result.response


async def counts(scene: Scene, who: Any) -> dict[str, int]:
    held = await scene.store.personal_data.held(who.id, 0)
    return {one.holding.name: one.count for one in held if one.count}


async def erase(scene: Scene, who: Any, page: Any, **boxes: bool) -> Any:
    asked = await who.click(page, custom_id="glassbox-privacy-ask-to-erase")
    assert asked.modal is not None
    assert "can't be brought back" in texts(asked.modal)
    return await who.submit_modal(asked, boxes)


async def test_what_is_kept_is_shown_exported_and_deleted(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        alice, bob = scene.alice, scene.bob
        page = await shown(scene, alice)
        assert "Nothing." in texts(page)
        assert "glassbox-privacy-export" not in custom_ids(page)

        answered = await alice.slash(scene.channel, "sentiment", text="swordfish")
        await bob.slash(scene.channel, "sentiment", text="bob's own")
        page = await shown(scene, alice)
        assert "**1 request of yours**, from <t:" in texts(page)
        assert "Kept for 30 days" in texts(page)
        assert "Texts are stored as they are" in texts(page)
        assert "everything of that server is deleted after 30 days" in texts(page)

        await scene.restart()  # everything below is answered by another process
        exported = await alice.click(page, label="Export")
        assert exported.ephemeral
        [file] = exported.response.attachments
        data = json.loads(await file.read())
        assert "swordfish" in data["data"]["requests"]["rows"][0]["content"]["content"]
        assert "bob's own" not in json.dumps(data)

        refused = await erase(scene, alice, page, sure=False, choices=True)
        assert str(NOT_SURE) in {one.content for one in refused.followups} | {refused.response.content}
        scene.env.errors.clear()
        assert await counts(scene, alice) == {"requests": 1}

        done = await erase(scene, alice, page, sure=True, choices=False)
        assert done.response.id == page.id  # the page itself says so
        assert "Deleted: 1 request of yours." in texts(done.response)
        assert "note that you had everything deleted" in texts(done.response)
        assert await counts(scene, alice) == {"erasures": 1}
        assert await counts(scene, bob) == {"requests": 1}
        # The button under the answer has nothing to work with any more.
        opened = await alice.click(answered.response, label="Show the work")
        assert "Please ask again" in opened.response.content
        scene.env.errors.clear()
        assert (await alice.slash(scene.channel, "sentiment", text="anew")).response is not None
        assert (await counts(scene, alice))["requests"] == 1


@pytest.mark.parametrize("place", ["server", "direct message", "group"])
async def test_it_works_everywhere(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        result = await scene.ask(place, "privacy")
        assert result.ephemeral
        assert "What I keep about you" in texts(result.response)


async def test_opting_out_and_in_again(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        page = await shown(scene, scene.alice)
        for what in ReadAlong:
            result = await scene.alice.click(page, custom_id=f"glassbox-privacy-opt-out:{what.name}:out")
            assert result.response.id == page.id
            assert f"glassbox-privacy-opt-out:{what.name}:in" in custom_ids(result.response)
        await scene.restart()
        assert await scene.bot.opt_outs.of(scene.alice.id) == frozenset(ReadAlong)
        assert await scene.bot.opt_outs.of(scene.bob.id) == frozenset()
        result = await scene.alice.click(page, custom_id="glassbox-privacy-opt-out:MOODS:in")
        assert await scene.bot.opt_outs.of(scene.alice.id) == frozenset(ReadAlong) - {ReadAlong.MOODS}
        assert "**3 opt-outs of yours**" in texts(result.response)
        # A deletion leaves them, unless that is ticked as well.
        await erase(scene, scene.alice, page, sure=True, choices=False)
        assert len(await scene.bot.opt_outs.of(scene.alice.id)) == 3
        await erase(scene, scene.alice, page, sure=True, choices=True)
        assert await scene.bot.opt_outs.of(scene.alice.id) == frozenset()


async def test_nobody_reaches_anybody_elses(open_scene: OpenScene) -> None:
    """No custom id names a person: whatever somebody forges, they reach what is theirs, or nothing."""
    async with open_scene() as scene:
        await scene.alice.slash(scene.channel, "sentiment", text="hers")
        page = await shown(scene, scene.alice)
        assert not any(str(scene.alice.id) in one for one in custom_ids(page))
        before = await counts(scene, scene.alice)

        # Bob sends what only Alice's page has, from a message that everybody sees.
        public = (await scene.bob.slash(scene.channel, "sentiment", text="his")).response
        pressed = await forge_press(scene, scene.bob, public, "glassbox-privacy-export")
        assert pressed.ephemeral
        assert "hers" not in (await pressed.response.attachments[0].read()).decode()
        opened = await forge_press(scene, scene.bob, public, "glassbox-privacy-opt-out:CHAT:out")
        assert opened.ephemeral  # a new message: the public one is not edited
        assert opened.response.id != public.id
        assert await scene.bot.opt_outs.of(scene.alice.id) == frozenset()
        for forged in ("glassbox-privacy-opt-out:EVERYTHING:out", "glassbox-privacy-erase", "glassbox-privacy:7"):
            pressed = await forge_press(scene, scene.bob, public, forged)
            assert pressed.response.content == RequestForgotten().sentence
        done = await forge_modal(scene, scene.bob, "glassbox-privacy-erase:", TICKED)
        assert "Deleted: 1 request of yours" in texts(done.response)
        refused = await forge_modal(scene, scene.bob, "glassbox-privacy-erase:", UNTICKED)
        assert refused.response.content == str(NOT_SURE)
        refused = await forge_modal(scene, scene.bob, "glassbox-privacy-erase:")
        assert refused.response.content == str(NOT_SURE)
        scene.env.errors.clear()
        assert await counts(scene, scene.alice) == before


async def test_an_answer_under_way_is_not_kept(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        async with device_held(scene.worker):
            asked = scene.invoke(scene.alice, "sentiment", text="under way")
            await scene.until(lambda: asked.acknowledged)
            newer = scene.env.backend.snowflake()
            await scene.store.personal_data.erase(scene.alice.id, newer)
        await scene.env.settle()
        assert asked.response is not None
        assert asked.response.embeds  # it was answered
        assert await counts(scene, scene.alice) == {"erasures": 1}


async def test_a_summary_of_ones_messages_by_somebody_else_goes(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", {"short": 6, "medium": 6, "long": 6})
    async with open_scene() as scene:
        for who in (scene.alice, scene.bob):
            await who.send(scene.channel, "The train to Oslo was late again, and nobody said why.")
        summary = await scene.bob.slash(scene.channel, "summarize", messages=2)
        own = await scene.bob.slash(scene.channel, "sentiment", text="his own")
        assert (await counts(scene, scene.alice))["words_in_requests"] >= 1
        page = await shown(scene, scene.alice)
        assert "1 request of somebody else with words of yours" in texts(page)
        assert "Deleted: 1 request of somebody else" in texts(
            (await erase(scene, scene.alice, page, sure=True)).response
        )
        gone = await scene.bob.click(summary.response, label="Show the work")
        assert "Please ask again" in gone.response.content
        assert (await scene.bob.click(own.response, label="Show the work")).response.embeds
        scene.env.errors.clear()


async def test_a_database_that_fails_claims_nothing(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.store.keep(SentimentRequest("hers"), person=scene.alice.id)
        page = await shown(scene, scene.alice)
        await scene.store.database.run(text("DROP TABLE opt_outs"))
        result = await scene.alice.click(page, custom_id="glassbox-privacy-opt-out:CHAT:out")
        assert [one.content for one in result.followups] == [str(NOT_SAVED)]
        await scene.store.database.run(text("DROP TABLE writing"))
        for sentence in ("could not look up", "could not delete"):
            if "delete" in sentence:
                result = await erase(scene, scene.alice, page, sure=True, choices=False)
            else:
                result = await scene.alice.slash(scene.channel, "privacy")
            [told] = result.followups
            assert sentence in told.content
            assert told.ephemeral
        assert len(await scene.store.database.rows(text("SELECT * FROM requests"))) == 1
        scene.env.errors.clear()
