"""Answers and errors reach people whatever Discord, or the way to it, does: over real sockets (items 20 and 21)."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import discord
import pytest
from pydantic import SecretStr

from bot.errors import InvalidRequest
from bot.mentions import limits
from bot.replies import pending
from bot.replies.turns import TOO_LATE
from bot.settings import Settings
from tests.cogs.pacing import held_after
from tests.discord_server import TOKEN, DiscordServer, Exchange
from tests.discord_trouble import AFTER, BEFORE, hurry_bot
from tests.test_app import running

pytestmark = pytest.mark.measured_elsewhere

TROUBLE = {**BEFORE, **AFTER}
CALLBACK, ORIGINAL, FOLLOW_UP = "/callback", "/messages/@original", r"/webhooks/\d+/[\w-]+"
SENTENCE = "This is only a test."
EPHEMERAL = discord.MessageFlags.ephemeral.flag

Online = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry_bot(monkeypatch)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer().serving() as server:
        server.take_the_place_of_discord(monkeypatch)
        yield server


@pytest.fixture
def online(server: DiscordServer, settings: Settings) -> Online:
    """Run the bot, whose checkpoints are loaded, until the end of the body; then stop it."""

    @asynccontextmanager
    async def online() -> AsyncIterator[None]:
        async with running(settings.model_copy(update={"discord_token": SecretStr(TOKEN)})):
            await server.connected()
            for command, option in (("sentiment", "text"), ("generate", "prompt")):
                token = await server.invoke(command, **{option: "I love apples"})
                await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
            yield

    return online


def is_whole(edit: Mapping[str, Any]) -> bool:
    return "Show the work" in str(edit.get("components"))


def assert_answered_once(exchange: Exchange, name: str) -> None:
    """One message, which holds the whole answer; a try that was made again has brought the same."""
    assert not exchange.deleted, name
    assert not exchange.followups, name
    whole = [edit["embeds"] for edit in exchange.edits if is_whole(edit)]
    assert whole, name
    assert all(one == whole[0] for one in whole), name
    assert exchange.edits[-1]["embeds"] == whole[0], name
    assert exchange.edits[-1]["content"] is None, name


class TestAnswers:
    @pytest.mark.parametrize("method_and_path", [("POST", CALLBACK), ("PATCH", ORIGINAL)], ids=["deferral", "answer"])
    async def test_trouble_with_one_request(
        self, server: DiscordServer, online: Online, method_and_path: tuple[str, str]
    ) -> None:
        async with online():
            for name, trouble in TROUBLE.items():
                server.plan(*method_and_path, trouble)
                token = await server.invoke("sentiment", text="I love to hate this course")
                exchange = server.exchanges[token]
                await server.until_true(lambda: not server.trouble_left and any(map(is_whole, exchange.edits)))  # noqa: B023
                await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
                assert_answered_once(exchange, name)

    async def test_trouble_while_a_text_is_written(
        self, server: DiscordServer, online: Online, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with online():
            for name, trouble in TROUBLE.items():
                with held_after(monkeypatch, 3) as go_on:
                    server.plan("PATCH", ORIGINAL, trouble)
                    token = await server.invoke("generate", prompt="In this course", max_new_tokens=5)
                    await server.until_true(lambda: not server.trouble_left)
                    go_on.set()
                    await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
                assert_answered_once(server.exchanges[token], name)

    async def test_trouble_with_every_request_but_the_last(
        self, server: DiscordServer, online: Online, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with online():
            for name in (
                "429 without retry_after",
                "429 as a page without headers",
                "dropped",
                "a page as the receipt",
            ):
                server.plan("POST", CALLBACK, *[TROUBLE[name]] * (1 if TROUBLE[name].processed else 2))
                server.plan("PATCH", ORIGINAL, *[TROUBLE[name]] * (pending.TRIES - 1))
                token = await server.invoke("sentiment", text="I love to hate this course")
                exchange = server.exchanges[token]
                await server.until("PATCH", f"/{token}{ORIGINAL}", lambda _: not server.trouble_left and exchange.edits)  # noqa: B023
                assert_answered_once(exchange, name)

    async def test_a_press_of_a_button(self, server: DiscordServer, online: Online) -> None:
        async with online():
            token = await server.invoke("generate", prompt="In this course")
            message = await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
            for name, trouble in TROUBLE.items():
                server.plan("POST", CALLBACK, trouble)
                token = await server.press("Regenerate", message)
                await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
                assert_answered_once(server.exchanges[token], name)

    async def test_a_form_that_was_opened_although_its_receipt_was_lost(
        self, server: DiscordServer, online: Online
    ) -> None:
        async with online():
            for name, trouble in TROUBLE.items():
                server.plan("POST", CALLBACK, trouble)
                token = await server.invoke("tokenize")
                form = await server.until("POST", f"/{token}{CALLBACK}")
                await server.until_true(lambda: server.exchanges[token].acknowledged == 9)  # noqa: B023
                token = await server.send_form(form["data"], "apples are sour.")
                await server.until("PATCH", f"/{token}{ORIGINAL}", lambda edit: edit["embeds"])
                assert not server.exchanges[token].followups, name


class TestErrors:
    async def test_told_at_once(self, server: DiscordServer, online: Online) -> None:
        async with online():
            for name, trouble in TROUBLE.items():
                server.plan("POST", CALLBACK, trouble)
                token = await server.invoke("sentiment", text=" ")
                await server.until_true(lambda: server.exchanges[token].acknowledged and not server.trouble_left)  # noqa: B023
                assert server.exchanges[token].acknowledged == 4, name
                assert not server.exchanges[token].edits, name

    @pytest.mark.parametrize(
        "method_and_path",
        [("PATCH", ORIGINAL), ("DELETE", ORIGINAL), ("POST", FOLLOW_UP)],
        ids=["withdrawal", "deletion", "follow-up"],
    )
    async def test_told_in_place_of_an_answer(
        self,
        server: DiscordServer,
        online: Online,
        monkeypatch: pytest.MonkeyPatch,
        method_and_path: tuple[str, str],
    ) -> None:
        def fail(*arguments: Any) -> Any:
            raise InvalidRequest(SENTENCE)

        async with online():
            monkeypatch.setattr(sys.modules["cogs.sentiment"], "render", fail)
            for name, trouble in TROUBLE.items():
                server.plan(*method_and_path, trouble)
                token = await server.invoke("sentiment", text="I love to hate this course")
                exchange = server.exchanges[token]
                await server.until_true(lambda: not server.trouble_left and exchange.followups)  # noqa: B023
                assert exchange.deleted, name
                assert {told["content"] for told in exchange.followups} == {SENTENCE}, name
                assert all(told["flags"] & EPHEMERAL for told in exchange.followups), name


async def ask_to_reconnect(server: DiscordServer) -> None:
    await server.ask_to_reconnect()


async def invalidate(server: DiscordServer) -> None:
    await server.invalidate_session(resumable=False)


async def invalidate_for_now(server: DiscordServer) -> None:
    await server.invalidate_session(resumable=True)


async def drop(server: DiscordServer) -> None:
    server.drop_connection()


async def hang_up(server: DiscordServer) -> None:
    await server.hang_up(1001)


async def fall_silent(server: DiscordServer) -> None:
    server.answers_heartbeats = False
    await server.connected_again(resumed=1)
    server.answers_heartbeats = True


class TestGateway:
    """A text that is being written goes on, and commands that come meanwhile are answered when the bot is back."""

    @pytest.mark.parametrize(
        ("trouble", "resumes"),
        [
            (ask_to_reconnect, True),
            (invalidate_for_now, True),
            (invalidate, False),
            (drop, True),
            (hang_up, True),
            (fall_silent, True),
        ],
    )
    async def test_trouble_while_a_text_is_written(
        self,
        server: DiscordServer,
        online: Online,
        monkeypatch: pytest.MonkeyPatch,
        trouble: Callable[[DiscordServer], Awaitable[None]],
        resumes: bool,
    ) -> None:
        if trouble is fall_silent:
            server.heartbeat_seconds = 0.05
            # A minute, otherwise. Nothing is asserted about how long it takes.
            known = property(lambda state: 0.3, lambda state, seconds: None)
            monkeypatch.setattr(discord.state.ConnectionState, "heartbeat_timeout", known, raising=False)
        async with online():
            with held_after(monkeypatch, 3) as go_on:
                writing = await server.invoke("generate", prompt="In this course", max_new_tokens=5)
                await server.until("PATCH", f"/{writing}{ORIGINAL}")

                await trouble(server)
                meanwhile = [await server.invoke("sentiment", text="I love apples")] if resumes else []
                await server.connected_again(resumed=resumes, identified=1 if resumes else 2)
                go_on.set()
                await server.until("PATCH", f"/{writing}{ORIGINAL}", is_whole)
            afterwards = await server.invoke("sentiment", text="I love apples")
            for token in (*meanwhile, afterwards):
                await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)

        for token in (writing, *meanwhile, afterwards):
            assert_answered_once(server.exchanges[token], token)
            assert server.count("POST", f"/{token}{CALLBACK}") == 1

    async def test_a_session_that_is_not_known_any_more_when_it_is_resumed(
        self, server: DiscordServer, online: Online
    ) -> None:
        async with online():
            server._session = ""
            server.drop_connection()
            await server.connected_again(identified=2)
            token = await server.invoke("sentiment", text="I love apples")
            await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
        assert_answered_once(server.exchanges[token], token)


async def test_equal_continuations_have_one_button(server: DiscordServer, online: Online) -> None:
    """Item 17: this server refuses a message with two equal custom ids, as Discord does."""
    async with online():
        token = await server.invoke(
            "generate", prompt="The capital of France is", max_new_tokens=5, num_return_sequences=4, top_p=0.01
        )
        edit = await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
    assert_answered_once(server.exchanges[token], token)
    labels = [one["label"] for row in edit["components"] for one in row["components"]]
    assert labels == ["Regenerate", "Continue 1", "Show the work"]


async def test_a_turn_that_does_not_come_in_time_is_told_while_the_token_lives(
    server: DiscordServer, online: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Item 19: queued `/chat`s of one channel; this one has waited until its interaction is nearly dead."""
    async with online():
        with held_after(monkeypatch, 3) as go_on:
            first = await server.invoke("chat", message="I love apples.")
            await server.until("PATCH", f"/{first}{ORIGINAL}")
            server.age = pending.LAST_SECONDS
            second = await server.invoke("chat", message="So do I.")
            told = await server.until("POST", f"/{second}")
            server.age = None
            third = await server.invoke("chat", message="Why?")
            await server.until("POST", f"/{third}{CALLBACK}")
            go_on.set()
            await server.until("PATCH", f"/{first}{ORIGINAL}", is_whole)
            await server.until("PATCH", f"/{third}{ORIGINAL}", is_whole)

    assert told["content"] == str(TOO_LATE)
    assert told["flags"] & EPHEMERAL
    assert server.exchanges[second].deleted
    assert not any("Writing" in str(edit) for edit in server.exchanges[second].edits)
    assert_answered_once(server.exchanges[first], "first")
    assert_answered_once(server.exchanges[third], "third")


async def test_a_text_whose_interaction_is_nearly_dead_is_ended_with_what_there_is(
    server: DiscordServer, online: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Item 19, for a button: its interaction came late, through a session that was resumed."""
    async with online():
        token = await server.invoke("generate", prompt="In this course")
        message = await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
        with held_after(monkeypatch, 500):
            server.age = pending.LAST_SECONDS
            token = await server.press("Regenerate", message)
            edit = await server.until("PATCH", f"/{token}{ORIGINAL}", is_whole)
    assert_answered_once(server.exchanges[token], token)
    assert "Continue" in str(edit["components"])


class TestMessages:
    """Answers to messages, which a try that was made again must not send twice."""

    @pytest.mark.parametrize(
        "method_and_path",
        [("POST", "/channels/4000/messages"), ("PATCH", r"/channels/4000/messages/\d+"), ("POST", "/typing")],
        ids=["first sign", "answer", "typing"],
    )
    async def test_trouble_with_one_request(
        self,
        server: DiscordServer,
        online: Online,
        monkeypatch: pytest.MonkeyPatch,
        method_and_path: tuple[str, str],
    ) -> None:
        monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 4)
        monkeypatch.setattr(limits, "PER_PERSON", (1_000, 20.0))
        monkeypatch.setattr(limits, "PER_CHANNEL", (1_000, 20.0))
        async with online():
            await server.say("Hello")
            for number, (name, trouble) in enumerate(TROUBLE.items(), start=1):
                await server.until_true(lambda: len(server.messages) == number and _all_whole(server))  # noqa: B023
                server.plan_only(*method_and_path, trouble)  # a quick answer needs no edit, and leaves it over
                await server.say(f"Hello after {name}")
            await server.until_true(lambda: len(server.messages) == len(TROUBLE) + 1 and _all_whole(server))
        assert all(one["content"] is None for one in server.messages.values())


def _all_whole(server: DiscordServer) -> bool:
    return all(map(is_whole, server.messages.values()))
