"""Large numbers and sizes in words."""

from __future__ import annotations


def in_millions(number: int) -> str:
    """Return "47,392", "134.5 million" for `134_515_008`, or "1.72 billion" for `1_720_574_976`."""
    if number < 1_000_000:
        return f"{number:,}"
    millions = round(number / 1e6, 1)
    return f"{millions:.1f} million" if millions < 1_000 else f"{number / 1e9:,.2f} billion"


def in_bytes(number: int) -> str:
    """Return "128 kB" for `127_880`, or "1.36 GB" for `1_360_000_000`: in powers of ten, as for disks."""
    if number < 1_000:
        return f"{number} B"
    if (kilobytes := round(number / 1e3)) < 1_000:
        return f"{kilobytes} kB"
    if (megabytes := round(number / 1e6)) < 1_000:
        return f"{megabytes} MB"
    return f"{number / 1e9:,.2f} GB"
