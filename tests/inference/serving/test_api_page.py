"""The page for callers: its examples are requests that are accepted, and its tables are complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bot.inference.serving.bodies import MOST_BYTES
from bot.inference.wire.errors import _CODES
from tests.inference.serving.api_server import CODEC

PAGE = (Path(__file__).parents[3] / "docs" / "API.md").read_text()


def test_every_example_is_a_request() -> None:
    examples = re.findall(r"\$GLASSBOX/v1/(\w+) [^`]*?--json '(.*?)'", PAGE, re.DOTALL)
    assert {"sentiment", "fill", "generate", "work"} <= {task for task, _ in examples}
    for task, body in examples:
        if "France is Paris" not in body:  # shows an error
            CODEC[task].request.decode(body)


def test_every_answer_is_one_of_its_task() -> None:
    answers = [line for line in PAGE.splitlines() if line.startswith('{"result"')]
    assert len(answers) == 2
    for task, line in zip(("sentiment", "fill"), answers, strict=True):
        CODEC[task].answer.decode(line)
    [event] = re.findall(r"event: accepted\ndata: (.*)", PAGE)
    assert CODEC.accepted.decode(event).id in re.findall(r"/v1/answers/(\S+)/stop", PAGE)
    for event in re.findall(r"event: partial\ndata: (.*)", PAGE):
        CODEC["generate"].result.decode(event)


def test_every_task_and_every_error_is_on_the_page() -> None:
    for task in CODEC:
        assert f"`{task}`" in PAGE
    for code in _CODES.keys() - {"refused"}:  # the base of others
        assert f"`{code}`" in PAGE, code
    assert f"{MOST_BYTES:,} bytes" in PAGE


def test_every_json_on_the_page_is_json() -> None:
    for block in re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL):
        json.loads(block)
