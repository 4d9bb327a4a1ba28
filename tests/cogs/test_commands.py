"""Every command, wherever people can use it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cogs.conftest import OpenScene
from tests.support import COURSE

COMMANDS: dict[str, dict[str, Any]] = {
    "sentiment": {"text": "I love to hate this course"},
    "fill": {"text": "The capital of France is <mask>.", "top_k": 2},
    "generate": {
        "prompt": "In this course, we will teach you how to",
        "max_new_tokens": 6,
        "num_return_sequences": 2,
        "temperature": 1.5,
        "top_p": 0.9,
        "seed": 7,
    },
    "translate": {"text": "I love apples.", "to": "German", "from": "en"},
    "zeroshot": {
        "text": "This movie was so inspiring!",
        "labels": "sports, politics, entertainment",
        "multi_label": True,
    },
    "entities": {"text": "My name is Sylvain and I work at Hugging Face in Brooklyn."},
    "similarity": {"first": "A cat sleeps.", "second": "A dog sleeps. | It rains."},
    "answer": {"question": "Where do I work?", "context": "I work at Hugging Face in Brooklyn."},
    "summarize": {"text": "I love apples. They are sour."},
    "complete": {"code": "def fibonacci(n):", "language": "py", "max_new_tokens": 6, "temperature": 0.5},
    "chat": {"message": "Hello!", "new": True, "temperature": 0.5},
    "attention": {"text": "I love to hate this course", "checkpoint": "sentiment", "layer": 1, "head": 2},
    "inspect": {"text": "I love to hate this course", "command": "zeroshot", "labels": "school, food"},
    "tokenize": {"texts": "apples are sour.", "checkpoint": "fill"},
}
OTHERS = {
    "batch": [
        "file", "command", "column", "labels", "to", "from", "second_column", "reference", "multi_label", "top_k",
        "checkpoint", "header", "private",
    ],
    "compare": ["text", "command", "checkpoints", "labels", "to"],
    "forum-tags": ["setup", "dry-run", "report"],
    "guess": ["text", "command", "labels", "checkpoint"],
    "help": ["command"],
    "language": [],
    "models": ["checkpoint"],
    "mood": ["channel", "messages", "checkpoint"],
    "privacy": [],
    "settings": [],
    "status": ["page"],
    "topics": ["labels", "channel", "messages", "checkpoint"],
}  # fmt: skip
"""Commands that no request is behind, with their options or subcommands."""
IN_SERVERS = {"status", "forum-tags", "settings"}
"""Those that there are only in servers that have added the bot."""
CONTEXTS = {"forum-tags": [0], "mood": [0], "settings": [0], "status": [0, 1], "topics": [0]}
"""Where Discord offers a command, if that is not everywhere: servers, direct messages with the bot, and groups."""
SLASH = 1
FURTHER_OPTIONS = {
    **{command: ["checkpoint"] for command in COURSE},
    "answer": ["file", "checkpoint"],
    "summarize": ["file", "messages", "length", "checkpoint"],
    "attention": ["view", "part", "second", "to", "from"],
    "inspect": ["to", "checkpoint"],
}
"""Those that exclude another one, and the last one of every command."""
CHECKPOINT = {**COURSE, "attention": "distilbert", "inspect": "bart_mnli", "tokenize": "roberta"}
SHOWN = {
    "sentiment": "> I love to hate this course\n\n`█",
    "fill": "> The capital of France is ",
    "generate": "> In this course, we will teach you how to\n\n`1` ",
    "translate": "**English**\n> I love apples.\n\n**German** · Deutsch\n",
    "zeroshot": "> This movie was so inspiring!\n\n`█",
    "entities": "> ",
    "similarity": "> A cat sleeps.\n\n`",
    "answer": "**Where do I work?**\n> ",
    "summarize": "> I love apples. They are sour.\n\n",
    "complete": "```py\ndef fibonacci(n):\n```\n",
    "chat": "> Hello!\n\n",
    "attention": "> I love to hate this course\n\nEach token",
    "inspect": "From your text to the answer, with this request's own numbers.",
    "tokenize": "8 tokens, 2.7 characters per token\n```\n#   id  mask  token\n",
}


@pytest.mark.parametrize("place", ["server", "direct message", "group"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_answers_everywhere(open_scene: OpenScene, command: str, place: str) -> None:
    async with open_scene() as scene:
        result = await scene.ask(place, command, **COMMANDS[command])

        assert result.response is not None
        assert not result.ephemeral
        assert not result.followups
        [embed] = result.response.embeds
        assert embed.description.startswith(SHOWN[command])
        assert embed.footer.text.startswith(f"tiny-{CHECKPOINT[command]} · cpu float32 · ")
        last = scene.env.http_requests[-1]
        assert (last.method, last.path) == (
            "PATCH",
            f"/webhooks/{scene.bot.application_id}/{result._interaction.token}/messages/@original",
        )


async def test_all_are_registered_for_servers_people_and_every_kind_of_channel(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        everything = scene.env.backend.commands[None].values()
        registered = [command for command in everything if command["type"] == SLASH]

        assert {command["name"] for command in registered} == {*COMMANDS, *OTHERS}
        for command in everything:
            name = command["name"]
            assert command["integration_types"] == ([0] if name in IN_SERVERS else [0, 1])
            assert command["contexts"] == CONTEXTS.get(name, [0, 1, 2])
        for command in registered:
            name = command["name"]
            options = [option["name"] for option in command["options"]]
            assert options == OTHERS.get(name, [*COMMANDS.get(name, ()), *FURTHER_OPTIONS.get(name, ())])
            assert all(len(option["description"]) > 10 for option in command["options"])
            # discord.py cuts a description of more than 100 characters, and ends it with an ellipsis.
            assert not any(option["description"].endswith("…") for option in command["options"])


async def test_nothing_that_was_written_is_live(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        mention = f"<@{scene.bob.id}>"

        result = await scene.alice.slash(
            scene.channel, "sentiment", text=f"@everyone {mention} **bold** ```code``` https://example.com"
        )

        assert result.response is not None
        assert result.response.embeds[0].description.startswith(
            f"> @\u200beveryone \\<@\u200b{scene.bob.id}> \\*\\*bold\\*\\* \\`\\`\\`code\\`\\`\\` https\\://example.com\n"
        )
        assert all(edit["allowed_mentions"] == {"parse": []} for edit in scene.edits())


async def test_what_is_too_long_is_attached(open_scene: OpenScene) -> None:
    text = "A rather long review of a course. " * 110
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "sentiment", text=text)

        assert result.response is not None
        assert "…\n\n" in result.response.embeds[0].description
        [file] = result.response.attachments
        assert file.filename == "sentiment.txt"
        assert (await file.read()).decode().startswith(text.strip())
        assert "was not read" in result.response.embeds[0].footer.text


async def test_the_same_seed_gives_the_same_text(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        texts = [
            (await scene.alice.slash(scene.channel, "generate", prompt="Once", max_new_tokens=12, seed=seed))
            .response.embeds[0]
            .description
            for seed in (3, 3, 4)
        ]

        assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("typed", "code"),
    [("ger", "de"), ("deut", "de"), ("de", "de"), ("franç", "fr"), ("Español", "es"), ("日本", "ja")],
)
async def test_languages_are_offered_by_any_name(open_scene: OpenScene, typed: str, code: str) -> None:
    async with open_scene() as scene:
        choices = await scene.alice.autocomplete(scene.channel, "translate", "to", typed)

        assert code in [choice["value"] for choice in choices]


async def test_no_language_of_that_name(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        assert await scene.alice.autocomplete(scene.channel, "translate", "from", "klingon") == []


async def test_only_what_the_checkpoint_knows_is_offered(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="marian")) as scene:
        await scene.alice.slash(scene.channel, "translate", text="apples", to="de")
        await scene.heard()

        into = await scene.alice.autocomplete(scene.channel, "translate", "to", "")
        out_of = await scene.alice.autocomplete(scene.channel, "translate", "from", "", to="de")

        assert into == [{"name": "German (Deutsch)", "value": "de"}]
        assert out_of == [{"name": "English", "value": "en"}]


async def test_many_languages_are_cut_to_what_discord_takes(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(translate="m2m100")) as scene:
        await scene.alice.slash(scene.channel, "translate", text="apples", to="de")
        await scene.heard()

        choices = await scene.alice.autocomplete(scene.channel, "translate", "to", "")

        assert len(choices) == 25
        assert choices[0]["value"] == "de"


async def test_without_a_checkpoint_the_common_languages_are_offered(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(sentiment="distilbert")) as scene:
        assert len(await scene.alice.autocomplete(scene.channel, "translate", "to", "")) == 25
        assert len(await scene.alice.autocomplete(scene.channel, "translate", "from", "")) == 25

        result = await scene.alice.slash(scene.channel, "translate", text="apples", to="de")

        assert "No checkpoint is set for /translate" in scene.refusal(result)
