"""Every sentence that people read about an error says what they, or whoever runs the bot, can do next."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import client, errors

ROOT = Path(__file__).parent.parent
FOR_OPERATORS = {"SettingsError"}
"""Sentences in a terminal; they name the setting, and what it may be."""
ERRORS = {
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.GlassboxError)
} - FOR_OPERATORS
NEXT = re.compile(
    r"\b(asks?|attach|check|choose|chosen|convert|copy|empty|fetch|give|install|keep|leave|look|make|open|please|press|"
    r"raise|remove|run|say|see|send|separate|set|tell|try|type|unload|wait|write|again|allow|needs|must be|it has|"
    r"still works|there are|can (allow|change|add|set|turn|do|read)|who has the permission)\b",
    re.IGNORECASE,
)
"""Words of a next step."""
NOTHING_TO_DO = re.compile(
    r"^Only (the (person|author)|whoever runs)|^You have stopped this|^I cannot read this message any more|"
    r"so its tags stay as they are|^The file has no column|nothing to save|^This forum has no tags|"
    r"^Stopped before it had begun|because it was deleted|^The (package|tokenizer) of|^A package of"
)
"""Sentences about what is over, is somebody else's, or is a fault of the catalogue's."""
UNFINISHED = re.compile(r"\{\w*\}\s*$|^\s*\{\w*\}")
"""A sentence with a part that is put together elsewhere."""


def _said(node: ast.expr, constants: dict[str, str]) -> str | None:
    """Return a text as far as the source has it, with {} for what is filled in; None if it has nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            texts = [
                _said(part.value, constants) or "{}"
                if isinstance(part, ast.FormattedValue)
                else _said(part, constants) or ""
                for part in parts
            ]
            return "".join(texts)
        case ast.Name(id=name):
            return constants.get(name)
        case ast.Call(func=ast.Name(id="later"), args=[template, *_]):
            return _said(template, constants)
        case ast.Call(func=ast.Name(id="later_plural"), args=[_, other, *_]):
            return _said(other, constants)
        case ast.Call(func=ast.Attribute(value=template, attr="filled")):
            return _said(template, constants)
        case ast.IfExp(body=body):
            return _said(body, constants)
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return f"{_said(left, constants) or '{}'}{_said(right, constants) or '{}'}"
    return None


def sentences() -> Iterator[tuple[str, str]]:
    """Yield where an error is raised, and its sentence."""
    for path in sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("cogs/*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: said
            for node in tree.body
            if isinstance(node, ast.Assign) and (said := _said(node.value, {})) is not None
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                said = _said(node.args[0], constants)
                if said is not None and " " in said and not (UNFINISHED.search(said) or NOTHING_TO_DO.search(said)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", said
    for name in sorted(ERRORS):
        if sentence := getattr(errors, name).SENTENCE:
            yield f"bot/errors.py: {name}", str(sentence)
    for name in ("OUTDATED", "FORBIDDEN"):
        yield f"bot/client.py: {name}", str(getattr(client, name))
    yield "bot/errors.py: UNEXPECTED", str(errors.UNEXPECTED)


FOUND = dict(sentences())


def test_they_are_found() -> None:
    assert len(FOUND) > 120


@pytest.mark.parametrize("where", FOUND)
def test_says_what_to_do_next(where: str) -> None:
    assert NEXT.search(FOUND[where]), f"{where} says no next step: {FOUND[where]}"
