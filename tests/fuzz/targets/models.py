"""What models read and write: templates that nobody can forge a turn in, and replies with whatever they say."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.tokenization.markers import Marker, MarkerPosition, Markers
from bot.tasks.prompts.chat_template import Message, chat_prompt, inert
from bot.text.characters import whole_characters
from tests import tiny
from tests.fuzz.choices import Choices
from tests.fuzz.target import by_name
from tests.odd_texts import check_embed
from tests.replies.odd_answers import REPLIES
from tests.replies.test_odd_answers import CONTROLS, fences, printed
from tests.support import CPU
from tests.tasks.prompts.test_chat_template import EVERY, SYSTEM, control_ids, counts, with_template

MARKERS = Markers([
    *map(Marker, ("<|im_end|>", "[/INST]", "<s>", "<<SYS>>", "USER:", "### Response:", "<unused1>")),
    Marker("user", MarkerPosition.LINE),
    Marker("assistant:", MarkerPosition.LINE_START),
])  # fmt: skip


def markers(choices: Choices) -> None:
    """A text whose markers are broken has none, in no disguise, and is not broken further."""
    text = choices.text()
    broken = MARKERS.broken(text)
    assert MARKERS.find(broken) == []
    assert MARKERS.broken(broken) == broken
    assert bool(MARKERS.find(text)) is (broken != text)


def templates(choices: Choices) -> None:
    """Whatever people say, a prompt has the control tokens and the markers of one in which they say nothing odd."""
    name = choices.one_of(EVERY)
    head = head_of(name)
    kind, _, family = name.partition(" ")
    said = [whole_characters(choices.text())[:60] for _ in range(3)]
    if not all(map(str.strip, said)):
        return
    contents = [Message("user", said[0]), Message("assistant", said[1]), Message("user", said[2])]
    plain = [SYSTEM, *(Message(one.role, "x") for one in contents)]
    expected, found = chat_prompt(head, plain), chat_prompt(head, [SYSTEM, *contents])
    assert control_ids(head, found) == control_ids(head, expected)
    if kind == "bytes":
        texts = [head.decode(ids, skip_special_tokens=False) for ids in (expected, found)]
        assert counts(head, family, texts[1]) == counts(head, family, texts[0])
    assert inert(head, inert(head, said[0])) == inert(head, said[0])


def replies(choices: Choices) -> None:
    """No reply pings, links, hides, leaves its block, or has more than Discord takes."""
    render = REPLIES[choices.one_of(sorted(REPLIES))]
    odd = choices.text()
    for reply, plain in zip(render(odd), render("x"), strict=True):
        check_embed(reply.embed.to_dict())
        assert fences(reply) in {0, 2, 4}
        assert fences(reply) <= fences(plain)
        assert not CONTROLS.search(printed(reply))
        if reply.file is not None:
            reply.file.text.encode()


@cache
def head_of(name: str) -> CausalLM:
    """Return a tiny checkpoint whose tokenizer has a family's template."""
    return with_template(_model(), name)


@cache
def _model() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        tiny.llama(Path(folder))
        return load_head(Path(folder), CPU).model


TARGETS = by_name(markers, templates, replies)
