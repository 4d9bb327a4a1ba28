"""Posts of a forum get their tags: applied, proposed, corrected, and each once."""

from __future__ import annotations

from bot.servers.topics.forums import ForumMode
from tests.cogs.conftest import OpenScene
from tests.cogs.forum import ALWAYS, NEVER, Forum


async def test_tags_that_fit_are_applied(open_scene: OpenScene) -> None:
    async with open_scene(message_content=True) as scene:
        forum = await Forum.open(scene)
        await forum.set(ForumMode.APPLY, bug=ALWAYS, question=NEVER, idea=NEVER)
        post = await forum.post(scene.alice, "It crashes", "When I press the button, it crashes.")
        assert forum.tags_of(post) == ["bug"]
        print(await forum.record(post))
