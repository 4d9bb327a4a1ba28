"""Function words and abbreviations, from `words.toml`."""

from __future__ import annotations

from bot.text.tables import read_table

_TABLES = read_table("bot.text", "words.toml")

FUNCTION_WORDS = frozenset(_TABLES["function"].split())

ABBREVIATIONS = {
    language: frozenset(f"{_TABLES['abbreviations']['common']} {words}".split())
    for language, words in _TABLES["abbreviations"].items()
}
"""Those that sentencex lacks, by language code, without the last full stop; each language has the `common` ones."""
