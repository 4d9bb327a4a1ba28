"""Areas, lines and dots on a card, with smooth edges. Lengths are in points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from PIL import Image, ImageDraw

from bot.pictures.canvas import SCALE, Canvas
from bot.pictures.palette import CARD, Colour

Point = tuple[float, float]

_FINER = 4  # shapes are drawn this many times finer, to smooth them


def area(canvas: Canvas, points: Sequence[Point], fill: Colour) -> None:
    """Fill the polygon with some corners; nothing with fewer than three."""
    if len(points) > 2:
        canvas.paint(partial(_polygon, tuple(points), fill))


def line(canvas: Canvas, points: Sequence[Point], fill: Colour, width: float = 2.0) -> None:
    """Draw a line through some points, round at its ends and joints. A single point becomes a dot."""
    if points:
        canvas.paint(partial(_line, tuple(points), fill, width))


def dot(canvas: Canvas, x: float, y: float, radius: float, fill: Colour) -> None:
    """Draw a disc with a rim in the colour of the card, so that it stands out from what is under it."""
    line(canvas, [(x, y)], CARD, 2 * radius + 3)
    line(canvas, [(x, y)], fill, 2 * radius)


def _polygon(points: tuple[Point, ...], fill: Colour, image: Image.Image) -> None:
    mask, left, top = _sheet(points, 0)
    ImageDraw.Draw(mask).polygon(_moved(points, left, top), fill=255)
    _paste(mask, left, top, fill, image)


def _line(points: tuple[Point, ...], fill: Colour, width: float, image: Image.Image) -> None:
    mask, left, top = _sheet(points, width)
    draw = ImageDraw.Draw(mask)
    moved = _moved(points, left, top)
    thick = width * SCALE * _FINER
    draw.line(moved, fill=255, width=round(thick))
    for x, y in moved:
        draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)
    _paste(mask, left, top, fill, image)


def _sheet(points: Sequence[Point], width: float) -> tuple[Image.Image, int, int]:
    """Return an empty mask that has room for the points, and where its left and top edge are, in pixels."""
    around = width * SCALE / 2 + 2
    xs, ys = zip(*points, strict=True)
    left, top = math.floor(min(xs) * SCALE - around), math.floor(min(ys) * SCALE - around)
    right, bottom = math.ceil(max(xs) * SCALE + around), math.ceil(max(ys) * SCALE + around)
    return Image.new("L", ((right - left) * _FINER, (bottom - top) * _FINER), 0), left, top


def _moved(points: Sequence[Point], left: int, top: int) -> list[Point]:
    return [((x * SCALE - left) * _FINER, (y * SCALE - top) * _FINER) for x, y in points]


def _paste(mask: Image.Image, left: int, top: int, fill: Colour, image: Image.Image) -> None:
    image.paste(fill, (left, top), mask.reduce(_FINER))
