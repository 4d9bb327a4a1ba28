"""Labels as people write them in one line or several."""

from __future__ import annotations

import regex

# Opening quotation marks, and the marks that close them in one language or another.
_QUOTES = {'"': '"”', "“": '”"', "„": '“”"', "”": "”", "«": "»", "»": "«", "‹": "›", "›": "‹", "「": "」", "『": "』"}
# These are apostrophes too, so they only count around a whole label.
_SINGLE_QUOTES = {"'": "'", "‘": "’", "‚": "‘’"}
_APOSTROPHE = r"(?<=\w)['’](?=\w)"
# In characters: no label is longer.
_LONGEST = 100

_COMMAS = ",，،、､﹐፣"
_SEMICOLONS = ";；؛"
# A comma without a label behind it.
_NO_LABEL = regex.compile(rf"[{_COMMAS}]\s*([{_COMMAS}\n]|$)")
_SPACED_COMMA = regex.compile(rf"[{_COMMAS}]\s")
_BORDERS = rf"\n{_COMMAS}{_SEMICOLONS}"


def _quotations() -> regex.Pattern[str]:
    around_words = [
        rf"(?<![^\s([{{{_BORDERS}]){mark}(?!\s)[^{mark}{end}\n]{{1,{_LONGEST}}}?(?<!\s)[{end}](?![^\s)\]}}{_BORDERS}])"
        for mark, end in _QUOTES.items()
    ]
    around_labels = [
        rf"(?<=^\s*|[{_BORDERS}]\s*){mark}(?:[^{mark}{end}\n]|{_APOSTROPHE}){{1,{_LONGEST}}}?[{end}](?=\s*(?:$|[{_BORDERS}]))"
        for mark, end in {**_SINGLE_QUOTES, **_QUOTES}.items()
    ]
    return regex.compile("|".join((*around_words, *around_labels)))


_QUOTATION = _quotations()


def parse_labels(text: str) -> tuple[str, ...]:
    """Return the labels in a text in order; some may be empty.

    Semicolons or line breaks separate them if there are any, else commas that are not inside a quotation
    (`"red, white and blue", black`) or a number (`1,5 l, 2,5 l`). Quotation marks around a whole label are dropped.
    """
    hidden = _QUOTATION.sub(lambda found: "\0" * len(found[0]), text.replace("\0", " "))
    ends = [found.span() for found in _separator(hidden).finditer(hidden)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return tuple(_unquoted(text[start:stop]) for start, stop in zip(starts, stops, strict=True))


def _separator(text: str) -> regex.Pattern[str]:
    """Return the pattern that separates the labels of a text whose quotations are blanked out."""
    if any(one in text for one in _SEMICOLONS):
        return regex.compile(rf"[{_SEMICOLONS}\n]")
    if "\n" in text.strip() and not _NO_LABEL.search(text.strip().rstrip(_COMMAS)):
        return regex.compile(r"\n")
    # If other commas have a space behind them, one between two digits belongs to a number.
    if _SPACED_COMMA.search(text):
        return regex.compile(rf"(?<!\d),|,(?!\d)|[{_COMMAS[1:]}\n]")
    return regex.compile(rf"[{_COMMAS}\n]")


def _unquoted(label: str) -> str:
    inner = label.strip()
    return inner[1:-1] if _QUOTATION.fullmatch(inner) else label
