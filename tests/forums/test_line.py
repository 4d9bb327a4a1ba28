from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from bot.forums.line import Line


def post(number: int, server: int = 1) -> Any:
    return SimpleNamespace(id=number, guild=SimpleNamespace(id=server))


async def test_servers_take_turns() -> None:
    judged: list[int] = []
    go_on = asyncio.Event()

    async def judge(thread: Any) -> None:
        await go_on.wait()
        judged.append(thread.id)

    line = Line(judge, at_once=1)
    for thread in [*(post(number) for number in range(10, 15)), post(20, 2), post(21, 2), post(30, 3)]:
        assert line.join(thread)
    assert line.join(post(10))  # it is there already
    go_on.set()
    while len(line):  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert judged == [10, 20, 30, 11, 21, 12, 13, 14]


async def test_a_flood_is_refused_and_few_are_judged_at_once() -> None:
    now, most = 0, 0
    go_on = asyncio.Event()

    async def judge(thread: Any) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await go_on.wait()
        now -= 1

    line = Line(judge, at_once=3, most=20)
    assert [line.join(post(number)) for number in range(25)] == [True] * 20 + [False] * 5
    await asyncio.sleep(0)
    go_on.set()
    while len(line):  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert most == 3
    assert line.join(post(99))
    line.close()
