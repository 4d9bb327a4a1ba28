"""Colours that colour-blind people can tell apart, on a card for dark and light pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

Colour = tuple[int, int, int]

CARD: Colour = (251, 251, 252)
BORDER: Colour = (190, 196, 208)
INK: Colour = (28, 33, 46)
MUTED: Colour = (84, 92, 108)
FAINT: Colour = (226, 229, 235)
WHITE: Colour = (255, 255, 255)
ACCENT: Colour = (38, 92, 158)
SECOND: Colour = (233, 158, 76)

WORDS: tuple[Colour, ...] = ((199, 222, 248), (253, 222, 171), (203, 235, 200), (229, 208, 244))
"""For neighbouring words: light, so that ink is readable on them."""

_FOR: tuple[Colour, ...] = ((251, 251, 252), (137, 178, 222), (26, 79, 143))
_AGAINST: tuple[Colour, ...] = ((251, 251, 252), (253, 216, 164), (240, 160, 66))
_MORE: tuple[Colour, ...] = ((246, 248, 251), (178, 207, 232), (81, 139, 196), (22, 67, 126), (8, 26, 66))

_STEPS = 48
"""Of a scale: more than people can tell apart, and few enough to compress well."""


def evidence(share: float) -> Colour:
    """Return the colour of a share from −1 (against: orange) to 1 (for: blue, which is darker than orange in grey)."""
    return _between(_FOR if share >= 0 else _AGAINST, abs(share))


def amount(share: float) -> Colour:
    """Return the colour of a share from 0 (nearly white) to 1 (dark blue), even in lightness."""
    return _between(_MORE, share)


def greyness(share: float) -> Colour:
    """Return the colour of a share from 0 (nearly white) to 1 (grey), for what is shown apart from a scale in blue."""
    return _between((CARD, MUTED), share)


def ink_on(background: Colour) -> Colour:
    """Return dark or white type, whichever has the higher contrast (WCAG 2.2)."""
    light = luminance(background)
    on_dark = (luminance(WHITE) + 0.05) / (light + 0.05)
    on_light = (light + 0.05) / (luminance(INK) + 0.05)
    return INK if on_light >= on_dark else WHITE


def luminance(colour: Colour) -> float:
    """Return the relative luminance, 0 to 1: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (v / 255 for v in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _between(stops: Sequence[Colour], share: float) -> Colour:
    share = round(min(max(share, 0.0), 1.0) * _STEPS) / _STEPS if math.isfinite(share) else 0.0
    scaled = share * (len(stops) - 1)
    index = min(int(scaled), len(stops) - 2)
    rest = scaled - index
    red, green, blue = (round(a + (b - a) * rest) for a, b in zip(stops[index], stops[index + 1], strict=True))
    return red, green, blue
