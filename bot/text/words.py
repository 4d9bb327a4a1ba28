"""Words that text processing knows by name, from `words.toml`."""

from __future__ import annotations

import tomllib
from importlib import resources

_TABLES = tomllib.loads(resources.files("bot.text").joinpath("words.toml").read_text(encoding="utf-8"))

FUNCTION_WORDS = frozenset(_TABLES["function"].split())

ABBREVIATIONS = {
    language: frozenset(f"{_TABLES['abbreviations']['common']} {words}".split())
    for language, words in _TABLES["abbreviations"].items()
}
"""By language code, without the last full stop; `common` has those of every language."""
