from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from bot.operating import maintenance
from bot.operating.maintenance import LONGEST_REASON, Maintenance, UnderMaintenance, sentence_of
from bot.storage import RequestStore
from bot.storage.maintenance import Notice

NOW = 1_767_225_600.0


@pytest.mark.parametrize(
    ("notice", "sentence"),
    [
        (Notice(), "I am under maintenance, and answer nothing for now. Please try again later."),
        (Notice("new disk!"), "I am under maintenance, and answer nothing for now: new disk! Please try again later."),
        (
            Notice("a\nnew  disk", NOW + 60.5),
            "I am under maintenance, and answer nothing for now: a new disk. It should be over <t:1767225661:R>; "
            "please ask again then.",
        ),
        (
            Notice("@everyone *soon*", NOW - 1),
            "I am under maintenance, and answer nothing for now: @\u200beveryone \\*soon\\*. It takes longer than "
            "expected; please try again a little later.",
        ),
    ],
)
def test_people_read_why_and_until_when(notice: Notice, sentence: str) -> None:
    assert sentence_of(notice, NOW) == sentence


def test_a_long_reason_is_cut() -> None:
    assert len(sentence_of(Notice("x" * 5_000), NOW)) < LONGEST_REASON + 150


async def test_only_the_operators_command_and_stop_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RequestStore.open(None) as store:
        found, other = Maintenance(store.maintenance), Maintenance(store.maintenance)
        await found.check("sentiment")
        await other.begin(Notice("new disk"))
        await found.check("sentiment")  # for a moment longer
        monkeypatch.setattr(maintenance, "REMEMBERED_SECONDS", 0.0)
        for name in ("sentiment", "regenerate", "settings", "help", "stopwatch", "a status"):
            with pytest.raises(UnderMaintenance, match="new disk"):
                await found.check(name)
        for name in ("status", "status-load", "stop", "batch-stop"):
            await found.check(name)
        await other.end()
        await found.check("sentiment")


async def test_what_was_known_holds_while_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "REMEMBERED_SECONDS", 0.0)
    monkeypatch.setattr(maintenance, "READ_SECONDS", 0.01)
    async with RequestStore.open(None) as store:
        found = Maintenance(store.maintenance)
        await found.begin(Notice("new disk"))

        async def fail() -> None:
            raise OperationalError("", {}, Exception())

        async def hang() -> None:
            await asyncio.Event().wait()

        for trouble in (fail, hang):
            monkeypatch.setattr(store.maintenance, "find", trouble)
            with pytest.raises(UnderMaintenance):
                await found.check("sentiment")
            await Maintenance(store.maintenance).check("sentiment")  # of a process that knows of none
