"""Messages in our Python source, for Babel: see babel.cfg.

Babel's own extractor reads tokens, and before Python 3.12 an f-string is one: it misses the messages inside.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from typing import IO

from tests.locales.tables import Extracted

MODULE = "bot.locales.message"
MODULES = frozenset({MODULE, "bot.tasks.work.wording"})
"""Those that functions which translate are imported from; explanations have their own `later` and `later_plural`."""
LITERALS: Mapping[str, int] = {"_": 1, "later": 1, "plural": 2, "later_plural": 2, "in_context": 2}
"""How many arguments are literals, by the functions of this module."""
TAG = "Translators:"


def extract(file: IO[bytes], keywords: object, comment_tags: object, options: object) -> Iterator[Extracted]:
    """Yield the messages of a module, in order, with the comments for translators above them."""
    source = file.read().decode()
    if not any(module in source for module in MODULES):
        return
    comments = _comments(source)
    for call, statement in sorted(calls(source), key=lambda one: (one[0].lineno, one[0].col_offset)):
        if (texts := literals(call)) is not None:
            said = _above(call.lineno, comments) or _above(statement, comments)
            yield call.lineno, name_of(call), texts if len(texts) > 1 else texts[0], said


def calls(source: str) -> Iterator[tuple[ast.Call, int]]:
    """Yield the calls of the functions that translate, each with the line in which its statement begins."""
    tree = ast.parse(source)
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
    } & LITERALS.keys()

    def within(node: ast.AST, statement: int) -> Iterator[tuple[ast.Call, int]]:
        begins = node.lineno if isinstance(node, ast.stmt | ast.keyword) else statement
        if isinstance(node, ast.Call) and name_of(node) in names:
            yield node, begins
        for inner in ast.iter_child_nodes(node):
            yield from within(inner, begins)

    return within(tree, 0)


def name_of(call: ast.Call) -> str:
    """Return the name of a function that is called by its name; empty for others."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def literals(call: ast.Call) -> tuple[str, ...] | None:
    """Return the messages of a call; None if they are no literals, so that they cannot be translated."""
    wanted = call.args[: LITERALS[name_of(call)]]
    texts = [one.value for one in wanted if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return tuple(texts) if len(texts) == LITERALS[name_of(call)] else None


def _comments(source: str) -> Mapping[int, str]:
    """Return the comments that stand alone in their lines, by these."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    }


def _above(line: int, comments: Mapping[int, str]) -> list[str]:
    """Return the comment for translators that ends above a line."""
    said: list[str] = []
    while (line := line - 1) in comments:
        said.insert(0, comments[line])
        if said[0].startswith(TAG):
            return said
    return []
