"""Large numbers and sizes in words."""

from __future__ import annotations

_THOUSAND = 1_000


def in_millions(number: int) -> str:
    """`47_392` → "47,392", `134_515_008` → "134.5 million", `1_720_574_976` → "1.72 billion"."""
    if number < 1_000_000:
        return f"{number:,}"
    millions = round(number / 1e6, 1)
    return f"{millions:.1f} million" if millions < _THOUSAND else f"{number / 1e9:,.2f} billion"


def in_bytes(number: int) -> str:
    """`127_880` → "128 kB", `269_030_016` → "269 MB", `1_360_000_000` → "1.36 GB": powers of ten, as for disks."""
    if number < _THOUSAND:
        return f"{number} B"
    if (kilobytes := round(number / 1e3)) < _THOUSAND:
        return f"{kilobytes} kB"
    if (megabytes := round(number / 1e6)) < _THOUSAND:
        return f"{megabytes} MB"
    return f"{number / 1e9:,.2f} GB"
