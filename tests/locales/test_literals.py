"""The extractor reads the source, so messages stand there as literals; and what is glued cannot be translated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.locales.messages import KEYWORDS, ROOT

LITERALS = {"_": 1, "later": 1, "plural": 2, "later_plural": 2, "in_context": 2}
"""How many arguments must be literals, by function."""
MODULE = "bot.locales.message"


def faults(source: str) -> Iterator[str]:
    """Yield the calls in a module whose messages no extractor finds."""
    tree = ast.parse(source)
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == MODULE
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name in names & LITERALS.keys():
                wanted = args[: LITERALS[name]]
                if len(wanted) < LITERALS[name] or not all(_is_text(one) for one in wanted):
                    yield f"line {node.lineno}: {ast.unparse(node)}"
            case _:
                pass


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def sources() -> Iterator[Path]:
    for folder in ("bot", "cogs"):
        yield from (ROOT / folder).rglob("*.py")


def test_the_extractor_knows_the_functions() -> None:
    assert LITERALS.keys() == KEYWORDS.keys()


def test_all_messages_are_literals() -> None:
    found = {
        str(path.relative_to(ROOT)): faulty
        for path in sources()
        if MODULE in (source := path.read_text("utf-8")) and (faulty := list(faults(source)))
    }
    assert not found


@pytest.mark.parametrize(
    "call",
    [
        '_(f"{count} rows")',
        '_("a" + b)',
        "_(sentence)",
        'plural("{count} row", many, 3)',
        'in_context("button", label)',
    ],
)
def test_what_is_no_literal_is_found(call: str) -> None:
    assert list(faults(f"from {MODULE} import _, plural, in_context\n{call}\n"))


def test_literals_side_by_side_are_one() -> None:
    assert not list(faults(f'from {MODULE} import _\n_("a " "b {{c}}", c=1)\n'))
