"""What differs between answers, in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from bot.locales.lists import joined
from bot.locales.message import _, plural
from bot.locales.numbers import percent, whole
from bot.replies.formatting.text import fit
from bot.text.characters import identity

SAID = 60
"""Units of a label in a verdict."""
NEARLY_NOTHING = 0.25
"""With less in common than this share, everything would be marked, so nothing is."""


def said(labels: Sequence[str]) -> str:
    """Count which models say what: "2 say **POSITIVE** and 1 says **NEGATIVE**."."""
    counts = _counts(labels)
    if len(counts) == len(labels) > 2:
        return _("Each says something else.")
    if len(counts) > 1:
        return _clauses(counts, _says)
    label = counts[0][0]
    # Translators: two models; keep the asterisks.
    return _("Both say **{label}**.", label=label) if len(labels) == 2 else _("All say **{label}**.", label=label)


def put_first(words: Sequence[str]) -> str:
    """Count which models find what likeliest."""
    counts = _counts(words)
    if len(counts) == len(words) > 2:
        return _("Each puts something else first.")
    if len(counts) > 1:
        return _clauses(counts, _puts)
    word = counts[0][0]
    if len(words) == 2:
        # Translators: two models find the same word likeliest; keep the asterisks.
        return _("Both put **{word}** first.", word=word)
    return _("All put **{word}** first.", word=word)


def found(models: int, found_by_any: int, found_by_all: int) -> str:
    """Say how far models agree about the names in a text."""
    if not found_by_any:
        return _("None of them finds a name.")
    names = whole(found_by_any)
    if found_by_all < found_by_any:
        return plural(
            "They agree on {agreed} of {number} name.",
            "They agree on {agreed} of {number} names.",
            found_by_any,
            agreed=whole(found_by_all),
            number=names,
        )
    if models == 2:
        return plural(
            "Both find the same {number} name.", "Both find the same {number} names.", found_by_any, number=names
        )
    return plural("All find the same {number} name.", "All find the same {number} names.", found_by_any, number=names)


def cut(counts: Sequence[int], *, is_same: bool) -> str:
    """Say whether tokenizers make the same tokens of a text; `counts` has how many each makes."""
    if not is_same:
        return _("They need {numbers} tokens.", numbers=joined(map(whole, counts)))
    if len(counts) == 2:
        return _("Both cut it into the same tokens.")
    return _("All cut it into the same tokens.")


def wrote(models: int, share: float) -> str:
    """Say how much texts have in common, 0 to 1."""
    if share < NEARLY_NOTHING:
        return _("They have hardly a word in common.")
    if share < 1:
        return _("They have {share} of their words in common.", share=percent(share))
    return _("Both wrote the same.") if models == 2 else _("All wrote the same.")


def _counts(said: Sequence[str]) -> list[tuple[str, int]]:
    """Return what was said, and how often; texts that people take for the same count as one."""
    first: dict[Hashable, str] = {}
    for one in said:
        first.setdefault(identity(one), one)
    return [(_short(first[one]), number) for one, number in Counter(map(identity, said)).most_common()]


def _clauses(counts: Sequence[tuple[str, int]], clause: Callable[[str, int], str]) -> str:
    # Translators: {clauses} is a list of such as "2 say **POSITIVE**".
    return _("{clauses}.", clauses=joined(clause(said, number) for said, number in counts))


def _says(label: str, number: int) -> str:
    # Translators: models; keep the asterisks.
    return plural("{count} says **{label}**", "{count} say **{label}**", number, label=label)


def _puts(word: str, number: int) -> str:
    # Translators: models find this word likeliest; keep the asterisks.
    return plural("{count} puts **{word}** first", "{count} put **{word}** first", number, word=word)


def _short(text: str) -> str:
    shown = fit(text.replace("\n", " "), SAID)[0]
    return shown if shown.strip() else "?"
