"""The extractor reads the source, so messages stand there as literals; and what is glued cannot be translated."""

from __future__ import annotations

import ast
import io

import pytest

from tests.locales.messages import KEYWORDS, ROOT
from tests.locales.python import LITERALS, MODULE, calls, extract, literals


def faults(source: str) -> list[str]:
    """Return the calls in a module whose messages no extractor finds."""
    return [f"line {call.lineno}: {ast.unparse(call)}" for call, _ in calls(source) if literals(call) is None]


def test_the_extractor_knows_the_functions() -> None:
    assert LITERALS.keys() == KEYWORDS.keys()


def test_all_messages_are_literals() -> None:
    sources = [path for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): faults(path.read_text("utf-8")) for path in sources}
    assert not {path: faulty for path, faulty in found.items() if faulty}


@pytest.mark.parametrize(
    "call",
    ['_(f"{count} rows")', '_("a" + b)', "_(a)", 'plural("{count} row", many, 3)', 'in_context("button", label)'],
)
def test_what_is_no_literal_is_found(call: str) -> None:
    assert faults(f"from {MODULE} import _, plural, in_context\n{call}\n")


def test_no_message_is_also_the_singular_of_another() -> None:
    """It would be translated as the singular is, whatever it counts."""
    single, plurals = set(), set()
    for folder in ("bot", "cogs"):
        for path in (ROOT / folder).rglob("*.py"):
            with path.open("rb") as file:
                for _, name, texts, _ in extract(file, (), (), {}):
                    if isinstance(texts, str):
                        single.add(texts)
                    elif name.endswith("plural"):
                        plurals.add(texts[0])
    assert single
    assert plurals
    assert not single & plurals


def test_messages_are_extracted_wherever_they_stand() -> None:
    source = f"""from {MODULE} import _, in_context, later, plural
# Translators: a state.
# At most 10 characters.
OPEN = in_context("state", "Open")
A = f"**{{_('In an f-string')}}**"
def shown(count):
    # not for translators
    return call(
        1,
        # Translators: of a button.
        label=_("Side " "by side"),
        # Translators: above its keyword.
        about=either(
            later("Nested"), plural("{{count}} row", "{{count}} rows", count)
        ),
    )
other._("not ours")
"""
    found = [(name, texts, said) for _, name, texts, said in extract(io.BytesIO(source.encode()), (), (), {})]
    assert found == [
        ("in_context", ("state", "Open"), ["Translators: a state.", "At most 10 characters."]),
        ("_", "In an f-string", []),
        ("_", "Side by side", ["Translators: of a button."]),
        ("later", "Nested", ["Translators: above its keyword."]),
        ("plural", ("{count} row", "{count} rows"), ["Translators: above its keyword."]),
    ]


def test_explanations_have_functions_of_their_own() -> None:
    source = 'from bot.tasks.work.wording import later, sentence\nlater("{number} rows", number=2.0)\nsentence("a.b")\n'
    assert [texts for _, _, texts, _ in extract(io.BytesIO(source.encode()), (), (), {})] == ["{number} rows"]


def test_functions_of_other_modules_with_these_names_are_none_of_ours() -> None:
    assert not list(extract(io.BytesIO(f'# {MODULE}\ndef _(text): ...\n_("a")\n'.encode()), (), (), {}))
