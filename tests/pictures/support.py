"""What a person sees of a picture, in numbers."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from bot.pictures.canvas import SCALE
from bot.pictures.palette import Colour
from bot.pictures.picture import ALT_LIMIT, Picture

MOST_BYTES = 300_000
MOST_PIXELS = 4_000  # on a side; Discord scales larger pictures down until nothing is read


def decoded(picture: Picture) -> Image.Image:
    """The picture with its transparency, after checking all that is promised of every picture."""
    image = Image.open(BytesIO(picture.png))
    assert image.format == "PNG"
    assert image.size == (picture.width, picture.height)
    assert len(picture.png) <= MOST_BYTES
    assert max(image.size) <= MOST_PIXELS
    assert 0 < len(picture.alt) <= ALT_LIMIT
    assert len(picture.alt.encode("utf-16-le")) // 2 <= ALT_LIMIT
    return image.convert("RGBA")


def pixels(picture: Picture) -> npt.NDArray[np.int64]:
    """Red, green and blue of each pixel: shape (height, width, 3)."""
    return np.asarray(decoded(picture).convert("RGB")).astype(np.int64)


def count(picture: Picture, colour: Colour, tolerance: int = 6) -> int:
    """How many pixels have a colour."""
    return int((np.abs(pixels(picture) - np.array(colour)).max(axis=2) <= tolerance).sum())


def part(picture: Picture, x: float, y: float, width: float, height: float) -> npt.NDArray[np.int64]:
    """A part of a picture, given in points."""
    return pixels(picture)[
        round(y * SCALE) : round((y + height) * SCALE), round(x * SCALE) : round((x + width) * SCALE)
    ]
