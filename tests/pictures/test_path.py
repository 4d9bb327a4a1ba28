"""The map of a request's way: its words, its size, and the same on dark and light pages."""

from __future__ import annotations

from bot.pictures.canvas import SCALE, SMALL, WIDTH
from bot.pictures.palette import ACCENT, FAINT, INK, WHITE, luminance
from bot.pictures.path import Station, path_map
from tests.pictures.support import decoded

STATIONS = (Station("Text", "26 characters", 1), Station("Queue", "waited 3 ms", None), Station("日本語 " * 40, "", 12))


def contrast(first: tuple[int, int, int], second: tuple[int, int, int]) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_a_way() -> None:
    picture = path_map(STATIONS, "The way of this request")

    start = "The way of this request. 3 stations, from top to bottom. 1. Text: 26 characters (page 1)."
    assert picture.alt.startswith(f"{start} 2. Queue: waited 3 ms. 3. ")
    assert "(page 12)" in picture.alt
    image = decoded(picture)
    assert image.size[0] == SCALE * WIDTH
    # On a phone 400 points wide the smallest type stays readable.
    assert SMALL * 400 / WIDTH >= 10
    # Everything stands on boxes of the card, so the page's colour does not matter.
    assert min(contrast(INK, FAINT), contrast(WHITE, ACCENT)) > 4.5


def test_each_station_makes_it_taller() -> None:
    heights = [decoded(path_map(STATIONS[:number])).size[1] for number in (1, 2, 3)]
    assert heights[1] - heights[0] == heights[2] - heights[1] > 0
    decoded(path_map(()))
