"""Cells that a spreadsheet would take for a formula.

Source: OWASP, CSV Injection (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import regex

GUARD = "'"
"""A spreadsheet shows a cell that begins with it as text."""
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = regex.compile(r"[+-]?(?:\d[\d ,.'’\u00a0\u202f]*|[.,]\d+)(?:[eE][+-]?\d+)?\s?[%‰€$£¥]?")


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet computes: `=1+1` → `'=1+1`. A plain number such as `-5` stays as it is."""
    return GUARD + cell if is_formula(cell) else cell


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet may compute a cell."""
    return cell.startswith(_BEGINNINGS) and _NUMBER.fullmatch(cell) is None
