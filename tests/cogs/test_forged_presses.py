"""Ids are never trusted: presses of what a message never had, and ids of requests of another kind."""

from __future__ import annotations

from typing import Any

import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers

from bot.errors import UNEXPECTED, RequestForgotten
from bot.replies.components.genuine import NOT_OFFERED, PRIVATE
from tests.cogs.conftest import BUTTON, MESSAGE_COMPONENT, OpenScene, Scene
from tests.cogs.layouts import custom_ids, forge_press
from tests.cogs.test_one_check import KEPT

SELECT = 3
TEXT = "I love apples."
WITHOUT_REQUEST = (
    "glassbox:models", "glassbox-page:0:{id}", "glassbox-page:9999:{id}", "glassbox-help-try:nothing",
    "glassbox-help-look", "glassbox-privacy-export", "glassbox-settings:access:rule:x:on", "glassbox-settings:x:y::",
    "glassbox-forum-mode:1:button", "glassbox-forum-tag:99999999999999999999:menu", "glassbox-forum-x:1:button",
    "glassbox-flag:1:2:CH", "glassbox-batch-stop:{id}", "glassbox-batch-start:{id}", "glassbox-status-end",
    "glassbox-status-refresh:overview", "glassbox-attention:layer:encoder.9999.9999:{id}",
    "glassbox-written:9999.9999.9999:{id}", "glassbox", "glassbox:", "glassbox:\0",
)  # fmt: skip


def told(scene: Scene, result: Any) -> str:
    """The sentence that one person reads; whatever was logged about it is forgotten."""
    said = [one for one in (result.response, *result.followups) if one is not None]
    assert said, "nobody is told"
    assert said[-1].flags.ephemeral
    scene.env.errors.clear()
    return str(said[-1].content)


async def press(
    scene: Scene, who: Any, message: Any, custom_id: str, kind: int = BUTTON, *values: str
) -> simcord.InteractionResult:
    """Somebody sends a press of what may not stand under a message, as Discord would pass it on if it did not look."""
    backend = scene.env.backend
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": kind}
    if kind == SELECT:
        data["values"] = list(values)
    record, payload = interactions.base_payload(
        backend, type=MESSAGE_COMPONENT, channel_id=scene.channel.id, guild_id=scene.guild.id, user_id=who.id, data=data
    )
    stored = backend.get_message(message.channel_id, message.id)
    payload["message"] = dict(serializers.message_payload(backend, stored))
    record.source_message_id = message.id
    backend.emit("INTERACTION_CREATE", payload)
    await scene.env.settle()
    return simcord.InteractionResult(scene.env, record)


def request_id(message: Any, action: str) -> str:
    """The id of the kept request behind a button."""
    [found] = [one for one in custom_ids(message) if one.startswith(f"glassbox:{action}:")]
    return found.rpartition(":")[2]


async def test_what_a_message_never_had(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        answer = (await scene.alice.slash(scene.channel, "sentiment", text=TEXT)).response
        kept = request_id(answer, "work")
        actions = [f"glassbox:{action}:{kept}" for action in (*scene.bot._action_handlers, "stop", "nothing")]
        for custom_id in (*actions, *(one.replace("{id}", kept) for one in WITHOUT_REQUEST)):
            if custom_id in custom_ids(answer):
                continue
            public = len([one for one in scene.channel.history() if not one.flags.ephemeral])
            said = told(scene, await press(scene, scene.bob, answer, custom_id))
            assert said in (str(NOT_OFFERED), str(RequestForgotten.SENTENCE)), (custom_id, said)
            assert len([one for one in scene.channel.history() if not one.flags.ephemeral]) == public


async def test_requests_of_another_kind(open_scene: OpenScene) -> None:
    """Even under a message that has such a button: every action with the id of every kind of request."""
    async with open_scene() as scene:
        written = (await scene.alice.slash(scene.channel, "generate", prompt="Once", max_new_tokens=4)).response
        felt = (await scene.alice.slash(scene.channel, "sentiment", text=TEXT)).response
        spoken = (await scene.alice.slash(scene.channel, "chat", message="Hello")).response
        kept = {
            "regenerate": request_id(written, "regenerate"),
            "chat-forget": request_id(spoken, "chat-forget"),
            "work": request_id(felt, "work"),
        }
        public = len([one for one in scene.channel.history() if not one.flags.ephemeral])
        for of, identity in kept.items():
            for action in scene.bot._action_handlers:
                if action in (of, "share", "continue" if of == "regenerate" else of):
                    continue
                pressed = await forge_press(scene, scene.bob, felt, f"glassbox:{action}:{identity}")
                said = told(scene, pressed)
                assert said == str(RequestForgotten.SENTENCE), (action, of, said)
        assert len([one for one in scene.channel.history() if not one.flags.ephemeral]) == public


async def test_plain_buttons_of_what_other_components_do(open_scene: OpenScene) -> None:
    """Even about a request of the right kind, or about none at all: nothing is done without what a menu says."""
    async with open_scene() as scene:
        answer = (await scene.alice.slash(scene.channel, "sentiment", text=TEXT)).response
        tried = 0
        for action, kind in scene.bot._kept.items():
            if scene.bot.has_plain_button(action):
                continue
            identity = "nothing" if kind is None else await scene.store.keep(KEPT[kind], person=scene.bob.id)
            pressed = await forge_press(scene, scene.bob, answer, f"glassbox:{action}:{identity}")
            assert told(scene, pressed) == str(RequestForgotten.SENTENCE), action
            tried += 1
        assert tried > 30


async def test_options_that_were_never_offered(open_scene: OpenScene) -> None:
    """A page that is no number was a `ValueError` of which nobody heard."""
    async with open_scene() as scene:
        inspected = (await scene.alice.slash(scene.channel, "inspect", text=TEXT)).response
        models = (await scene.alice.slash(scene.channel, "models")).response
        for message in (inspected, models):
            [menu] = [one for row in message.components for one in row["components"] if one.get("options")]
            forged = [(value,) for value in ("999", "-1", "x", "١", "", "\ud800", "../../etc/passwd")]
            two = tuple(option["value"] for option in menu["options"][:2])
            for values in (*forged, two, ()):
                pressed = await press(scene, scene.alice, message, menu["custom_id"], SELECT, *values)
                assert told(scene, pressed) == str(NOT_OFFERED)


async def test_private_answers_of_others(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message = await scene.bob.send(scene.channel, TEXT)
        private = (await scene.alice.context_menu(scene.channel, "Show the work", message)).response
        for custom_id in custom_ids(private):
            menu = SELECT if "pages" in custom_id else BUTTON
            assert told(scene, await press(scene, scene.bob, private, custom_id, menu, "1")) == str(PRIVATE), custom_id


async def test_a_press_that_fails_tells_its_person(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:
        inspected = (await scene.alice.slash(scene.channel, "inspect", text=TEXT)).response

        def fails(menu: Any) -> int:
            raise ValueError

        monkeypatch.setattr("bot.replies.components.pages.PageButton.detail", property(fails))
        pressed = await scene.alice.click(inspected, label="Next: Text")
        assert told(scene, pressed) == str(UNEXPECTED)
