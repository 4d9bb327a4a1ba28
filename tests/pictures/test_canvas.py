from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bot.pictures.canvas import MARGIN, TEXT, Box, Canvas
from bot.pictures.palette import ACCENT, BORDER, CARD, INK, SECOND, amount
from tests.pictures.support import count, decoded, part


def test_a_card_is_opaque_but_for_its_corners() -> None:
    image = decoded(Canvas(200).picture(100, "A card."))

    assert image.size == (400, 200)
    alpha = image.getchannel("A")
    assert [alpha.getpixel(corner) for corner in ((0, 0), (399, 0), (0, 199), (399, 199))] == [0, 0, 0, 0]
    assert alpha.getpixel((200, 0)) == alpha.getpixel((0, 100)) == 255
    assert image.getpixel((200, 100)) == (*CARD, 255)
    assert image.getpixel((200, 0)) == (*BORDER, 255)


def test_a_large_card_has_its_colours_and_its_corners() -> None:
    canvas = Canvas(640, ["word"])
    for step in range(49):
        canvas.box(Box(20 + step * 12, 20, 12, 900), amount(step / 48))
        canvas.text(20 + step * 12, 960, "word", fill=ACCENT)
    picture = canvas.picture(1_000, "A scale.")
    image = decoded(picture)

    for step in range(49):
        shown = part(picture, 20 + step * 12, 20, 12, 900)
        assert abs(shown - amount(step / 48)).max() <= 4
    alpha = image.getchannel("A")
    assert alpha.getpixel((0, 0)) == alpha.getpixel((1_279, 1_999)) == 0
    assert alpha.getpixel((640, 0)) == alpha.getpixel((0, 1_000)) == 255
    assert len(np.unique(np.asarray(alpha))) > 8  # smooth


def test_a_box_has_its_colour_and_place() -> None:
    canvas = Canvas(200)
    canvas.box(Box(20, 30, 40, 10), ACCENT)
    picture = canvas.picture(100, "A box.")

    assert (part(picture, 20, 30, 40, 10) == ACCENT).all()
    assert count(picture, ACCENT) == 80 * 20


def test_corners_are_round_where_asked() -> None:
    canvas = Canvas(200)
    canvas.box(Box(20, 20, 40, 40), ACCENT, radius=10, corners=(True, False, False, True))
    picture = canvas.picture(100, "A box.")

    corners = [tuple(part(picture, x, y, 0.5, 0.5)[0, 0]) for x, y in ((20, 20), (59.5, 20), (59.5, 59.5), (20, 59.5))]
    assert corners == [CARD, ACCENT, ACCENT, CARD]


def test_hatching_is_seen_without_colour() -> None:
    canvas = Canvas(200)
    canvas.box(Box(20, 20, 40, 40), SECOND, hatch=INK)
    grey = part(canvas.picture(100, "A box."), 20, 20, 40, 40).mean(axis=2)

    assert grey.max() - grey.min() > 80


def test_text_is_aligned() -> None:
    canvas = Canvas(200)
    width = canvas.text(100, 40, "token", TEXT, align=0.5)
    picture = canvas.picture(100, "Some text.")

    assert width == canvas.text_width("token", TEXT)
    dark = part(picture, 10, 20, 180, 30).mean(axis=2) < 200
    columns = dark.any(axis=0).nonzero()[0] / 2 + 10
    assert columns.min() == pytest.approx(100 - width / 2, abs=2)
    assert columns.max() == pytest.approx(100 + width / 2, abs=2)


def test_a_title_is_wrapped_and_cut() -> None:
    canvas = Canvas()
    lines = canvas.wrapped("one two " * 100, TEXT, canvas.width - 2 * MARGIN, 2)

    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(canvas.text_width(line, TEXT) <= canvas.width - 2 * MARGIN for line in lines)
    assert canvas.wrapped("", TEXT, 100, 2) == []


def test_threads_may_draw_at_the_same_time() -> None:
    def draw(size: int) -> bytes:
        canvas = Canvas(300, ["東京は", "مرحبا"])
        for line, text in enumerate(("東京は", "مرحبا", "😀 emoji", "नमस्ते", "token")):
            canvas.text(20, 30 * (line + 1), text, size)
            canvas.box(Box(150, 30 * line + 5, 100, 20), ACCENT, radius=5, hatch=INK)
        return canvas.picture(200, "Text.").png

    sizes = [10, 11, 12, 13] * 5
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw, sizes)) == [draw(size) for size in sizes]
