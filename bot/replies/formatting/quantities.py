"""Large numbers and sizes in words."""

from __future__ import annotations

from bot.locales.numbers import in_bytes as in_bytes
from bot.locales.numbers import in_millions as in_millions
