"""Rules for roles hold for the posts of a forum, whose authors Discord names without their roles."""

from __future__ import annotations

from bot.servers.features import MessageFeature
from bot.servers.topics.access import EVERYTHING, AccessSettings, Rule, Subject
from tests.cogs.conftest import OpenScene
from tests.cogs.forum import ALWAYS, NEVER, Forum
from tests.cogs.people import add
from tests.cogs.test_access_changes import set_topics


async def test_authors_are_judged_by_their_roles(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        forum = await Forum.open(scene)
        await forum.set(bug=ALWAYS, question=NEVER, idea=NEVER)
        guests = scene.guild.create_role("Guests")
        guest = add(scene, "guest", guests)
        for feature in (MessageFeature.FORUM_TAGS, EVERYTHING):
            rule = Rule(feature=feature, subject=Subject.ROLE, id=guests.id, allow=False)
            await set_topics(scene, access=AccessSettings(rules=(rule,)))
            assert not forum.tags_of(await forum.post(guest, f"It crashes, says the guest of {feature}"))
            assert forum.tags_of(await forum.post(scene.alice, f"It crashes, says Alice of {feature}")) == ["bug"]
        # Without rules for roles, nobody is asked who somebody is.
        await set_topics(scene, access=AccessSettings())
        asked = sum("/members/" in one.path for one in scene.env.http_requests)
        assert forum.tags_of(await forum.post(guest, "It crashes again")) == ["bug"]
        assert sum("/members/" in one.path for one in scene.env.http_requests) == asked == 4
        assert not scene.env.errors
