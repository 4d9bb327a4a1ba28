"""Text in any script, in the Noto fonts that pip installs (SIL Open Font License 1.1)."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import regex
import uharfbuzz as hb
from PIL import Image

from bot.pictures.direction import runs, spans
from bot.pictures.wording import WIDEST
from bot.text.characters import CUT

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_REMEMBERED = 20_000  # characters whose face is cached; people can send any of a million
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HANGUL = regex.compile(r"\p{Hangul}")


class Han(IntEnum):
    """National forms of Chinese characters, numbered as the faces in Noto Sans CJK's file."""

    JAPANESE = 0
    KOREAN = 1
    SIMPLIFIED_CHINESE = 2

    @classmethod
    def of(cls, texts: Iterable[str]) -> Han:
        """Return the form of the country whose letters are in the texts too."""
        text = "".join(texts)
        if _KANA.search(text):
            return cls.JAPANESE
        return cls.KOREAN if _HANGUL.search(text) else cls.SIMPLIFIED_CHINESE


class Glyph(NamedTuple):
    """A glyph's number in its font, and its position in ems from the line's start."""

    number: int
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A shaped line of text: its width in ems, and the glyphs of each font from left to right."""

    width: float
    parts: tuple[tuple[hb.Font, tuple[Glyph, ...]], ...]

    def rasterised(self, size: float, degrees: float = 0) -> tuple[Image.Image, int, int] | None:
        """Return its coverage as a mask, and the mask's left and top edge from the start of the base line.

        Args:
            size: of the type, in pixels.
            degrees: counter-clockwise turn of the line.

        Returns:
            None for a line without ink.
        """
        raster = hb.RasterDraw()
        cos, sin = math.cos(math.radians(degrees)) * size, math.sin(math.radians(degrees)) * size
        for font, glyphs in self.parts:
            unit = 1 / font.face.upem
            for glyph in glyphs:
                x, y = glyph.x * cos - glyph.y * sin, glyph.x * sin + glyph.y * cos
                raster.transform = (cos * unit, sin * unit, -sin * unit, cos * unit, x, y)
                raster.draw_glyph(font, glyph.number)
        image = raster.render()
        extents = image.extents
        if not (extents.width and extents.height):
            return None
        size_in_pixels = (extents.width, extents.height)
        # HarfBuzz's rows go upwards, hence the -1.
        mask = Image.frombytes("L", size_in_pixels, image.buffer, "raw", "L", extents.stride, -1)
        return mask, extents.x_origin, -(extents.y_origin + extents.height)


class Face:
    """A variable font in two weights."""

    def __init__(self, path: Path, index: int = 0) -> None:
        face = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self._regular, self._bold = hb.Font(face), hb.Font(face)
        self._regular.set_variations({"wght": 400})
        self._bold.set_variations({"wght": 650})

    def has(self, char: str) -> bool:
        """Return whether the font has a character."""
        return bool(self._regular.get_nominal_glyph(ord(char)))

    def weight(self, bold: bool) -> hb.Font:
        """Return the font of a weight."""
        return self._bold if bold else self._regular


class Fonts:
    """All faces. A character is set in the first one that has it. Threads may share this object."""

    def __init__(self) -> None:
        noto, cjk = (Path(str(files(package))) for package in ("manimgx_fonts", "manimgx_fonts_cjk"))
        last = ("NotoEmoji[wght].ttf", "NotoSansSymbols[wght].ttf")
        first = "NotoSans[wght].ttf"
        scripts = sorted(
            path for path in noto.glob("NotoSans*.ttf") if path.name not in (first, *last) and "Italic" not in path.name
        )
        self._plain = Face(noto / first)
        self._emoji = Face(noto / last[0])
        self._faces = [self._plain, *map(Face, scripts), self._emoji, Face(noto / last[1])]
        self._cjk = {han: Face(cjk / "NotoSansCJK-VF.otf.ttc", han) for han in Han}
        self._face_of = lru_cache(_REMEMBERED)(self._first_with)

    def line(self, text: str, han: Han, bold: bool = False) -> Line:
        """Shape a line without control characters (`wording.visible` removes them)."""
        faces = list(self._faces_of(text, han))
        pen, parts = 0.0, []
        for run in runs(text):
            same_face = list(spans(faces[run.start : run.end]))
            for face, start, end in same_face if run.rightwards else reversed(same_face):
                font, piece = face.weight(bold), text[run.start + start : run.start + end]
                glyphs, width = _shaped(font, piece, run.rightwards, pen)
                parts.append((font, glyphs))
                pen += width
        return Line(pen, tuple(parts))

    def cut(self, text: str, han: Han, ems: float, bold: bool = False) -> str:
        """Return as much of a text as fits a width, cut between graphemes, with `…` at the cut."""
        if len(text) <= WIDEST and self.line(text, han, bold).width <= ems:
            return text
        pieces: list[str] = regex.findall(r"\X", text[:WIDEST])

        def without(left_out: int) -> str:
            return "".join(pieces[: len(pieces) - left_out]).rstrip() + CUT

        def fits(left_out: int) -> bool:
            return self.line(without(left_out), han, bold).width <= ems

        return without(bisect_left(range(len(pieces)), True, key=fits))

    def joined(self, pieces: Sequence[str], continues: Sequence[bool], han: Han) -> list[str]:
        """Join the letters of a word's pieces: no Arabic word should seem to end with a piece.

        Args:
            continues: which pieces belong to the same word as the piece before them.
        """
        joined = list(pieces)
        for index in range(1, len(pieces)):
            if continues[index] and self._join(_letters(pieces[index - 1])[-1:], _letters(pieces[index])[:1], han):
                joined[index - 1] += _JOINER
                joined[index] = _JOINER + joined[index]
        return joined

    def _join(self, before: str, after: str, han: Han) -> bool:
        """Return whether a joiner changes the shape of both letters, so that they belong together."""
        if unicodedata.bidirectional(before or " ") != "AL" or unicodedata.bidirectional(after or " ") != "AL":
            return False
        changes = ((before, before + _JOINER), (after, _JOINER + after))
        return all(not self._numbers(alone, han) <= self._numbers(beside, han) for alone, beside in changes)

    def _numbers(self, text: str, han: Han) -> set[int]:
        return {glyph.number for _, glyphs in self.line(text, han).parts for glyph in glyphs}

    def _faces_of(self, text: str, han: Han) -> Iterator[Face]:
        """Yield each character's face. Accents and joiners take that of their letter."""
        first = next((char for char in text if not _changes_letter(char)), " ")
        face = self._face_of(first, han)
        for index, char in enumerate(text):
            if text[index + 1 : index + 2] == _EMOJI_STYLE and self._emoji.has(char):
                face = self._emoji
            elif not _changes_letter(char):
                face = self._face_of(char, han)
            yield face

    def _first_with(self, char: str, han: Han) -> Face:
        return next((face for face in (*self._faces, self._cjk[han]) if face.has(char)), self._plain)


@cache
def installed() -> Fonts:
    """Return the fonts, opened once."""
    # They are mapped into memory, so even Noto Sans CJK takes little of it.
    return Fonts()


def _changes_letter(char: str) -> bool:
    """Return whether a character is an accent, a vowel sign or a joiner."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


def _letters(text: str) -> str:
    return "".join(char for char in text if not _changes_letter(char))


def _shaped(font: hb.Font, text: str, rightwards: bool, start: float) -> tuple[tuple[Glyph, ...], float]:
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "ltr" if rightwards else "rtl"
    hb.shape(font, buffer)
    unit = 1 / font.face.upem
    glyphs, pen = [], 0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        x = start + (pen + position.x_offset) * unit
        glyphs.append(Glyph(info.codepoint, x, position.y_offset * unit))
        pen += position.x_advance
    return tuple(glyphs), pen * unit
