from __future__ import annotations

import asyncio
import threading

import pytest

from bot.pictures.bars import bars
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from tests.pictures.support import decoded


async def test_pictures_are_drawn_beside_the_event_loop() -> None:
    studio = Studio()
    names: list[str] = []

    def draw(label: str, *, title: str) -> Picture:
        names.append(threading.current_thread().name)
        return bars([label], [0.5], title)

    pictures = await asyncio.gather(*(studio.draw(draw, str(index), title="Title") for index in range(4)))
    studio.close()

    for index, picture in enumerate(pictures):
        decoded(picture)
        assert picture.alt == f"Title: {index} 50.0 %."
    assert {name.split("_")[0] for name in names} == {"pictures"}
    assert len(set(names)) == 1


async def test_an_error_reaches_the_one_who_asked() -> None:
    studio = Studio()
    with pytest.raises(ValueError, match="zip"):
        await studio.draw(bars, ["A"], [])
    assert (await studio.draw(bars, ["A"], [1.0])).alt
    studio.close()


async def test_a_closed_studio_draws_nothing() -> None:
    studio = Studio()
    studio.close()
    with pytest.raises(RuntimeError):
        await studio.draw(bars, ["A"], [1.0])
