"""The lengths of a model's hidden states, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.locales.message import _
from bot.locales.numbers import whole, without_groups
from bot.pictures.canvas import MARGIN, SMALL, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, INK, MUTED, SECOND
from bot.pictures.picture import Picture
from bot.pictures.wording import alt_text, drawable, in_a_row, number

_HEIGHT = 140.0
_AXIS = 44.0
_TICKS = 4


def layer_norms(norms: Sequence[float], title: str = "") -> Picture:
    """Draw a column for the embeddings, and one in another colour for each layer.

    Args:
        norms: of the embeddings and then of each layer, the median over tokens of the L2 norm of the hidden states, the
            first token left out.
    """
    title = title or _("Length (L2 norm) of the hidden states, median")
    drawn = [max(drawable(value), 0.0) for value in norms]
    canvas = Canvas()
    y = canvas.title(title, _("0: the embeddings, before the first layer. The first token is left out."))
    top = _ceiling(max(drawn, default=0.0))
    plot = Box(MARGIN + _AXIS, y + 16, canvas.width - 2 * MARGIN - _AXIS, _HEIGHT)
    for tick in range(_TICKS + 1):
        level = plot.y + plot.height * (1 - tick / _TICKS)
        canvas.box(Box(plot.x, level - 0.5, plot.width, 1), BORDER)
        canvas.text(plot.x - 6, level + 4, rounded(top * tick / _TICKS), SMALL, fill=MUTED, align=1)
    step = plot.width / max(len(drawn), 1)
    gap = min(step * 0.2, 6)
    every = max(math.ceil(26 / step), 1)
    for index, (value, shown) in enumerate(zip(norms, drawn, strict=True)):
        height = plot.height * shown / top
        x = plot.x + index * step
        column = Box(x + gap / 2, plot.bottom - height, step - gap, height)
        canvas.box(column, ACCENT if index else SECOND, radius=2, corners=(True, True, False, False))
        if index % every == 0:
            canvas.text(x + step / 2, plot.bottom + 14, str(index), SMALL, fill=MUTED, align=0.5)
        said = number(value) if value >= 100 else without_groups(f"{value:#.3g}")
        if step >= 30 and canvas.text_width(said, SMALL) <= step:
            canvas.text(x + step / 2, column.y - 4, said, SMALL, fill=INK, align=0.5)
    canvas.text(plot.middle, plot.bottom + 31, _("layer"), SMALL, fill=MUTED, align=0.5)
    return canvas.picture(plot.bottom + 34 + MARGIN, _alt(norms, title))


def rounded(value: float) -> str:
    """Return "0.5", "15,000" for `15000.0`, or "2e+06" for `2e6`."""
    return whole(round(value)) if 1_000 <= value < 1e6 else without_groups(f"{value:.3g}")


def _ceiling(value: float) -> float:
    """Return the next round number: 1, 2, 4 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 4, 8, 10) if step * power >= value), 10 * power)


def _alt(norms: Sequence[float], title: str) -> str:
    if not norms:
        return alt_text([_("{title}: none.", title=title)])
    first, layers = number(norms[0]), in_a_row(number(value) for value in norms[1:])
    if not layers:
        return alt_text([_("{title}: embeddings {first}.", title=title, first=first)])
    last = len(norms) - 1
    said = _(
        "{title}: embeddings {first}, layers 1 to {last}: {layers}.", title=title, first=first, last=last, layers=layers
    )
    return alt_text([said])
