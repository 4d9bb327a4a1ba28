"""What the breaker in front of Discord has seen: in `/status`, and in the metrics."""

from __future__ import annotations

import pytest

from bot.operating.invalid_requests import MOST, MOST_OF_A_PLACE, WINDOW_SECONDS, InvalidRequests
from bot.operating.watch import Watch
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.test_status import make_owner, opened, shown
from tests.operating.conftest import Operator

FIELD = "Refused by Discord"
METRICS = ("invalid_requests", "avoided_calls", "avoided")
FEW, SOME = MOST_OF_A_PLACE, MOST - MOST_OF_A_PLACE


class Time:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def seen(scene: Scene, operator: Operator) -> tuple[str | None, tuple[float, ...]]:
    """What an operator reads: the field of `/status`, and the values of the metrics."""
    fields = {field.name: field.value for field in shown(await opened(scene, scene.alice)).fields}
    page = await operator.scrape()
    return fields.get(FIELD), tuple(page.value(f"glassbox_discord_{name}") for name in METRICS)


@pytest.mark.may_block
async def test_refusals_are_counted_explained_and_forgotten(
    open_scene: OpenScene, watch: Watch, operator: Operator
) -> None:
    time = Time()
    watch.invalid_requests = breaker = InvalidRequests(time)
    async with open_scene(watch=watch) as scene:
        make_owner(scene, scene.alice)
        assert await seen(scene, operator) == (None, (0, 0, 0))
        breaker.note("POST", "/api/v10/channels/4000/messages", 403)
        count = "1 call within ten minutes (401, 403, 429); at 2,500 I ask for less."
        assert await seen(scene, operator) == (count, (1, 0, 0))

        for _ in range(FEW - 1):
            breaker.note("POST", "/api/v10/channels/4000/messages", 403)
        count = "10 calls within ten minutes (401, 403, 429); at 2,500 I ask for less."
        avoided = "I avoid 1 call of a channel or server, because I lack a permission there."
        assert await seen(scene, operator) == (f"{count}\n{avoided}", (FEW, 1, 0))

        time.now = 120
        for channel in range(SOME):
            breaker.note("GET", f"/api/v10/channels/{channel}", 429)
        field, values = await seen(scene, operator)
        assert list(values) == [MOST, 1, 1]
        assert str(field).startswith("2,500 calls within")
        # Until the oldest ones are forgotten.
        assert str(field).endswith(
            "**Only interactions are answered** for 8 minutes more, or Discord would shut me out."
        )
        time.now = WINDOW_SECONDS
        field, values = await seen(scene, operator)
        assert list(values) == [SOME, 0, 0]
        assert field == "2,490 calls within ten minutes (401, 403, 429); at 2,500 I ask for less."
        time.now += WINDOW_SECONDS
        assert await seen(scene, operator) == (None, (0, 0, 0))
