"""Prompts that show a causal language model sentences with their translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.inference.languages.lookup import language
from bot.text.tables import read_table

PHRASES: Mapping[str, list[str]] = read_table("bot.tasks.translation", "phrases.toml")
"""The same sentences by language code."""


def layouts(sentence: str, source: str, target: str) -> list[str]:
    """Return prompts that a model continues with the translation, up to the end of the line; the best one first.

    Args:
        sentence: one line, without double quotes.
        source: code of its language, a key of `PHRASES`.
        target: code of the other language, another key.
    """
    # Chosen on the `dev` half of `bot/evaluation/labelled.toml`.
    names = language(source).name, language(target).name
    pairs = list(zip(PHRASES[source], PHRASES[target], strict=True))
    return [
        dictionary(sentence, source, target),
        "".join(f'How do you say "{one}" in {names[1]}? {other}\n' for one, other in pairs)
        + f'How do you say "{sentence}" in {names[1]}?',
        "".join(f'The {names[1]} translation of "{one}" is "{other}"\n' for one, other in pairs)
        + f'The {names[1]} translation of "{sentence}" is "',
        "".join(f"{names[0]}: {one}\n{names[1]}: {other}\n\n" for one, other in pairs)
        + f"{names[0]}: {sentence}\n{names[1]}:",
        "".join(_quoted(names, pairs, sentence)),
        "".join(_quoted(names, pairs[1:4], sentence)),
    ]


def dictionary(sentence: str, source: str, target: str) -> str:
    """Return the layout in which drafts are scored, there and back."""
    lines = "".join(f"{one} = {other}\n" for one, other in zip(PHRASES[source], PHRASES[target], strict=True))
    return f"{language(source).name} - {language(target).name} dictionary\n{lines}{sentence} ="


def _quoted(names: tuple[str, str], pairs: list[tuple[str, str]], sentence: str) -> Iterator[str]:
    for one, other in pairs:
        yield f'{names[0]}: "{one}"\n{names[1]}: "{other}"\n'
    yield f'{names[0]}: "{sentence}"\n{names[1]}: "'


def tidy(continuation: str) -> str:
    """Return the translation that a model's continuation of a layout begins with."""
    line = continuation.split("\n")[0].strip(' "–=\t')
    return line.split('"')[0].strip()


def is_ended(continuation: str) -> bool:
    """Return whether a continuation goes on behind its translation, which therefore is complete."""
    line = continuation.strip(' "–=\t')
    return "\n" in line or '"' in line
