"""A card with text and rounded boxes on it. Lengths are in points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from bot.pictures.breaking import pieces
from bot.pictures.fonts import Han, Line, installed
from bot.pictures.palette import BORDER, CARD, INK, MUTED, Colour
from bot.pictures.picture import Picture
from bot.pictures.wording import WIDEST, more, visible

SCALE = 2
"""Pixels per point."""
WIDTH = 440.0
"""Of a card, unless its content needs more: about that of a phone."""
MARGIN = 16.0
SMALL = 11.0
"""The smallest type that is readable on a phone 400 points wide."""
TEXT = 13.0
TITLE = 15.0

_FINER = 4  # rounded corners are drawn this many times finer, to smooth them
_RADIUS = 14.0
_LARGE = 200_000  # bytes of a PNG
_MANY = 1_000_000  # pixels; in exact colours, compressing more takes as long as all the drawing
_OPAQUE = 240  # colours of a palette without transparency
_CLEARER = 16  # steps of transparency between the others, of 255
_PERIOD = 4 * SCALE  # of hatching, in pixels
Corners = tuple[bool, bool, bool, bool]
"""Which corners are rounded: top left, top right, bottom right, bottom left."""
ALL_CORNERS: Corners = (True, True, True, True)


@dataclass(frozen=True)
class Box:
    """A rectangle, in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """Left, top, and the first pixels beyond right and bottom."""
        left, top = round(self.x * SCALE), round(self.y * SCALE)
        return left, top, round((self.x + self.width) * SCALE), round((self.y + self.height) * SCALE)

    @property
    def middle(self) -> float:
        """The x between its left and right edge."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    def inset(self, by: float) -> Box:
        """Return the box, smaller on every side."""
        return Box(self.x + by, self.y + by, max(self.width - 2 * by, 0), max(self.height - 2 * by, 0))


class Canvas:
    """A card that grows with its content: it records drawing operations, which `picture` carries out.

    Args:
        texts: of people and models; they decide the form of Chinese characters.
    """

    def __init__(self, width: float = WIDTH, texts: Iterable[str] = ()) -> None:
        self.width = width
        self._fonts = installed()
        self._han = Han.of(texts)
        self._lines: dict[tuple[str, bool], Line] = {}
        self._marks: list[Callable[[Image.Image], None]] = []

    def text_width(self, text: str, size: float, bold: bool = False) -> float:
        """Return the width of a line in points."""
        return self._line(text, bold).width * size

    def cut(self, text: str, size: float, width: float, bold: bool = False) -> str:
        """Return as much of a line as fits, with `…` where it was cut."""
        text = visible(text[: WIDEST + 1])
        if len(text) <= WIDEST and self._line(text, bold).width <= width / size:
            return text
        return self._fonts.cut(text, self._han, width / size, bold)

    def pieces(self, texts: Sequence[str], continues: Sequence[bool], size: float, width: float) -> list[str]:
        """Return as much of each token as fits, with letters shaped as in the whole word (see `Fonts.joined`)."""
        return self._fonts.joined([self.cut(text, size, width) for text in texts], continues, self._han)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = TEXT,
        *,
        fill: Colour = INK,
        bold: bool = False,
        align: float = 0.0,
        degrees: float = 0.0,
    ) -> float:
        """Write a line and return its width.

        Args:
            x: of its start; with `align` 0.5 of its middle, with 1 of its end.
            y: of its base line.
            degrees: turns it counter-clockwise about (x, y), where it then starts.
        """
        line = self._line(text, bold)
        width = line.width * size
        mask = line.rasterised(size * SCALE, degrees)
        if mask is not None:
            start = x if degrees else x - align * width
            self._marks.append(partial(_put, mask, round(start * SCALE), round(y * SCALE), fill))
        return width

    def box(
        self,
        box: Box,
        fill: Colour,
        *,
        radius: float = 0.0,
        corners: Corners = ALL_CORNERS,
        outline: Colour | None = None,
        hatch: Colour | None = None,
    ) -> None:
        """Draw a rectangle.

        Args:
            outline: colour of a line of one point within its edges.
            hatch: colour of thin diagonal lines over it.
        """
        if outline is not None:
            self._marks.append(partial(_fill, box, outline, radius, corners, None))
            box, radius = box.inset(1), max(radius - 1, 0)
        self._marks.append(partial(_fill, box, fill, radius, corners, hatch))

    def paint(self, mark: Callable[[Image.Image], None]) -> None:
        """Have something drawn on the image, after what was drawn before."""
        self._marks.append(mark)

    def swatch(
        self,
        box: Box,
        meaning: str,
        fill: Colour,
        *,
        radius: float = 2.0,
        hatch: Colour | None = None,
        outline: Colour | None = None,
    ) -> float:
        """Draw an entry of a legend, a colour with its meaning beside it, and return the x of the next entry."""
        self.box(box, fill, radius=radius, hatch=hatch, outline=outline)
        x = box.x + 26
        return x + self.text(x, box.bottom - 2, meaning, SMALL, fill=MUTED) + 18

    def title(self, title: str, note: str = "") -> float:
        """Write a title on at most two lines, and a note under it; return the y below them."""
        room = self.width - 2 * MARGIN
        y = MARGIN
        for line in self.wrapped(title, TITLE, room, 2, bold=True):
            y += TITLE
            self.text(MARGIN, y, line, TITLE, bold=True)
            y += 5
        for line in self.wrapped(note, SMALL, room, 3):
            y += SMALL
            self.text(MARGIN, y, line, SMALL, fill=MUTED)
            y += 4
        return y + (6 if title or note else 0)

    def more(self, y: float, number: int) -> float:
        """Write how many items are left out, if any are; return the y below the line."""
        return self.note(y, more(number)) if number else y

    def note(self, y: float, text: str) -> float:
        """Write a line below y; return the y below it."""
        self.text(MARGIN, y + TEXT, self.cut(text, TEXT, self.width - 2 * MARGIN), fill=MUTED)
        return y + TEXT + 10

    def wrapped(self, text: str, size: float, width: float, lines: int, bold: bool = False) -> list[str]:
        """Return a text in lines, broken between words; the last line is cut."""
        found: list[str] = []
        left = list(pieces(text))
        while left and len(found) < lines - 1:
            taken = 1
            while taken < len(left) and self.text_width("".join(left[: taken + 1]).rstrip(), size, bold) <= width:
                taken += 1
            found.append(self.cut("".join(left[:taken]).rstrip(), size, width, bold))
            left = left[taken:]
        return [*found, self.cut("".join(left).rstrip(), size, width, bold)] if left else found

    def _line(self, text: str, bold: bool) -> Line:
        # Shaping is slow, and the same line is measured, cut and drawn.
        line = self._lines.get((text, bold))
        if line is None:
            line = self._lines[text, bold] = self._fonts.line(visible(text), self._han, bold)
        return line

    def picture(self, height: float, alt: str) -> Picture:
        """Return the card as a PNG with transparent corners; its height, in points, includes the margin."""
        card = Box(0, 0, self.width, height)
        _, _, width, tall = card.pixels
        image = Image.new("RGB", (width, tall), BORDER)
        _fill(card.inset(1), CARD, _RADIUS - 1, ALL_CORNERS, None, image)
        for mark in self._marks:
            mark(image)
        image.putalpha(_rounded(width, tall, round(_RADIUS * SCALE), ALL_CORNERS))
        return Picture(_png(image), alt, width, tall)


def _png(card: Image.Image) -> bytes:
    """Return a PNG in exact colours; a large one has 256 colours, which look the same in a third of the bytes."""
    if card.width * card.height <= _MANY:
        file = BytesIO()
        card.save(file, "PNG", compress_level=3)  # cards are as small as at 6, which takes a third longer
        if file.tell() <= _LARGE:
            return file.getvalue()
    file = BytesIO()
    _with_palette(card).save(file, "PNG", transparency=bytes([255] * _OPAQUE + [*range(0, 256, _CLEARER)]))
    return file.getvalue()


def _with_palette(card: Image.Image) -> Image.Image:
    """Return a card in few colours; the last of them are steps of transparency in the smooth corners."""
    # Pillow's octree quantizer handles transparency, but shifts colours so far that blue scales get grey steps.
    few = card.convert("RGB").quantize(_OPAQUE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    indices, alpha = np.array(few), np.asarray(card.getchannel("A"))
    corners = alpha < 255
    indices[corners] = _OPAQUE + alpha[corners] // _CLEARER
    found = few.getpalette() or []
    palette = [*found, *[0] * (3 * _OPAQUE - len(found)), *BORDER * (256 // _CLEARER)]
    image = Image.fromarray(indices)
    image.putpalette(palette)
    return image


def _put(mask: tuple[Image.Image, int, int], x: int, y: int, fill: Colour, image: Image.Image) -> None:
    coverage, left, top = mask
    image.paste(fill, (x + left, y + top), coverage)


def _fill(box: Box, fill: Colour, radius: float, corners: Corners, hatch: Colour | None, image: Image.Image) -> None:
    left, top, right, bottom = box.pixels
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return
    round_by = min(round(radius * SCALE), width // 2, height // 2)
    mask = _rounded(width, height, round_by, corners) if round_by else None
    image.paste(fill, (left, top, right, bottom), mask)
    if hatch is not None:
        lines = _hatching(width, height, (left + top) % _PERIOD)
        image.paste(hatch, (left, top), lines if mask is None else ImageChops.multiply(mask, lines))


def _rounded(width: int, height: int, radius: int, corners: Corners) -> Image.Image:
    """Return a mask of a rectangle with smooth corners."""
    mask = Image.new("L", (width, height), 255)
    disc = _disc(radius)  # only corners are drawn finer and reduced: edges are straight
    for is_round, (right, low) in zip(corners, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        if is_round:
            corner = disc.crop((right * radius, low * radius, (right + 1) * radius, (low + 1) * radius))
            mask.paste(corner, (right * (width - radius), low * (height - radius)))
    return mask


@lru_cache(32)
def _disc(radius: int) -> Image.Image:
    finer = 2 * radius * _FINER
    disc = Image.new("L", (finer, finer), 0)
    ImageDraw.Draw(disc).ellipse((0, 0, finer - 1, finer - 1), fill=255)
    return disc.reduce(_FINER)


@lru_cache(64)
def _hatching(width: int, height: int, phase: int) -> Image.Image:
    """Return a mask of smooth diagonal lines; the phase lets them continue from one box to the next."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    distance = np.abs((x + y + phase) % _PERIOD - _PERIOD / 2)
    return Image.fromarray((np.clip(1.6 - distance, 0, 1) * 255).astype(np.uint8))
