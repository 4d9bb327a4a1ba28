"""Odd answers: nothing that a model writes can mention, link, hide, or leave its code block; nor reach a terminal."""

from __future__ import annotations

import io
import pkgutil

import pytest
import regex
from rich.console import Console

from bot.commands.terminal import reply_as_json, show_reply
from bot.playground import SimulatedReply
from bot.replies import results
from bot.replies.reply import Reply
from bot.tables import FiguresTable, table_of_texts
from tests.odd_texts import LONG, NASTY, ODD, check_embed, taken
from tests.replies.odd_answers import REPLIES

ANSWERS = {**ODD, **LONG, **NASTY}
CONTROLS = regex.compile(r"[\p{Cs}\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, except for line breaks and tabs."""


def fences(reply: Reply) -> int:
    """Return how many fences begin or end a code block of a reply."""
    return len(regex.findall(r"(?<!\\)```", reply.embed.description or ""))


def printed(reply: Reply) -> str:
    """Return what `python -m bot ask` prints of a reply, without colours."""
    written = io.StringIO()
    message = {"content": "", "embeds": [reply.embed.to_dict()], "attachments": []}
    simulated = SimulatedReply("/x", ephemeral=False, message=message)
    show_reply(Console(file=written, width=100, color_system=None), simulated)
    return written.getvalue() + reply_as_json(simulated)


def test_every_command_is_here() -> None:
    modules = {one.name for one in pkgutil.iter_modules(results.__path__)}
    # The others are parts of what `attention` renders.
    assert set(REPLIES) == {one for one in modules if not one.startswith("attention_")}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("command", REPLIES)
def test_an_odd_answer_is_inert(command: str, name: str) -> None:
    for reply, plain in zip(REPLIES[command](ANSWERS[name]), REPLIES[command]("x"), strict=True):
        check_embed(reply.embed.to_dict())
        assert fences(reply) in {0, 2, 4}
        assert fences(reply) <= fences(plain)
        assert not CONTROLS.search(printed(reply)), ascii(CONTROLS.search(printed(reply)))
        with taken() as found:
            for button in reply.buttons:
                found.measure("button label", button.label or "the action's", 80, filled=True)
        if reply.file is not None:
            reply.file.text.encode()


@pytest.mark.parametrize("name", ANSWERS)
def test_a_table_in_a_terminal_is_inert(name: str) -> None:
    """The labels and names in it are the checkpoint's."""
    odd, written = ANSWERS[name][:2_000], io.StringIO()
    console = Console(file=written, width=100, color_system=None)
    console.print(table_of_texts([odd, "a"], [(odd, "b")], odd))
    console.print(FiguresTable([odd], {odd: str, "b": lambda one: one}))
    assert not CONTROLS.search(written.getvalue()), ascii(CONTROLS.search(written.getvalue()))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_message_in_a_terminal_is_inert(name: str) -> None:
    """The simulated Discord also has messages that no renderer has made."""
    odd, written = ANSWERS[name][:2_000], io.StringIO()
    embed = {"title": odd, "description": odd, "footer": {"text": odd}, "fields": [{"name": odd, "value": odd}]}
    files = [{"filename": odd, "size": 1}]
    reply = SimulatedReply(odd, ephemeral=True, message={"content": odd, "embeds": [embed], "attachments": files})
    show_reply(Console(file=written, width=100, color_system=None), reply)
    said = written.getvalue() + reply_as_json(reply)
    assert not CONTROLS.search(said), ascii(CONTROLS.search(said))
