"""Prompts that show a causal language model sentences with their translations."""

from __future__ import annotations

from collections.abc import Mapping

from bot.inference.languages.lookup import language
from bot.text.tables import read_table

PHRASES: Mapping[str, list[str]] = read_table("bot.tasks.translation", "phrases.toml")
"""The same sentences by language code."""

# Each form writes a sentence and its translation. The layouts were chosen on the `dev` half of
# `bot/evaluation/labelled.toml`.
_DICTIONARY = "{one} = {other}\n"
_FORMS = (
    'How do you say "{one}" in {target}? {other}\n',
    'The {target} translation of "{one}" is "{other}"\n',
    "{source}: {one}\n{target}: {other}\n\n",
    '{source}: "{one}"\n{target}: "{other}"\n',
)


def layouts(sentence: str, source: str, target: str) -> list[str]:
    """Return prompts that a model continues with the translation, up to the end of the line; the best one first.

    Args:
        sentence: one line, without double quotes.
        source: code of its language, a key of `PHRASES`.
        target: code of the other language, another key.
    """
    whole = [_shown(form, sentence, source, target) for form in _FORMS]
    return [dictionary(sentence, source, target), *whole, _shown(_FORMS[-1], sentence, source, target, slice(1, 4))]


def dictionary(sentence: str, source: str, target: str) -> str:
    """Return the layout in which drafts are scored, there and back."""
    title = f"{language(source).name} - {language(target).name} dictionary\n"
    return title + _shown(_DICTIONARY, sentence, source, target)


def _shown(form: str, sentence: str, source: str, target: str, some: slice = slice(None)) -> str:
    """Return some of the phrases in a form, and the form of a sentence up to its translation."""
    names = {"source": language(source).name, "target": language(target).name}
    pairs = zip(PHRASES[source][some], PHRASES[target][some], strict=True)
    asked = form.partition("{other}")[0].rstrip().format(one=sentence, **names)
    return "".join(form.format(one=one, other=other, **names) for one, other in pairs) + asked


def tidy(continuation: str) -> str:
    """Return the translation that a model's continuation of a layout begins with."""
    line = continuation.split("\n")[0].strip(' "–=\t')
    return line.split('"')[0].strip()


def is_ended(continuation: str) -> bool:
    """Return whether a continuation goes on behind its translation, which therefore is complete."""
    line = continuation.strip(' "–=\t')
    return "\n" in line or '"' in line
