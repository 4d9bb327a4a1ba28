"""What a table holds about a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    null,
    select,
)

from bot.locales.message import Message
from bot.locales.numbers import whole

PERSON = bindparam("about", type_=BigInteger)
"""The one who asks. Not named for a column: SQLAlchemy would take it for the column's value."""
INTERACTION = bindparam("interaction", type_=BigInteger)
"""The interaction in which they ask."""


@dataclass(frozen=True)
class Holding:
    """Rows of a table that are about a person.

    Attributes:
        name: of the list in an export; never changes.
        counted: how many rows there are, in words that the person understands, with `{number}`.
        table: where the rows are.
        kept: how long, in a sentence.
        why: what for, in words that go on after the row's.
        whose: the condition of the rows, with `PERSON` and `INTERACTION`; if left out, that `person` is theirs.
        created: since when a row is there, in seconds since 1970; None if that is not kept.
        shown: the columns of an export; none if it only says how many there are.
        erasing: deletes the rows of a person, and returns how many; a DELETE if left out.
        stays: why a deletion leaves them; empty if it does not.
        on_request: whether they go only if the person asks for that too.
    """

    name: str
    counted: Message
    table: Table
    kept: Message
    why: Message | None = None
    whose: ColumnElement[bool] | None = None
    created: Column[float] | None = None
    shown: tuple[Column[Any], ...] = ()
    erasing: Callable[[Connection, int], int] | None = None
    stays: str = ""
    on_request: bool = False

    @property
    def mine(self) -> ColumnElement[bool]:
        """The condition that a row is about the person."""
        return self.table.c.person == PERSON if self.whose is None else self.whose

    @property
    def counting(self) -> Select[Any]:
        """The statement that counts the rows, and finds since when the oldest is there."""
        oldest: ColumnElement[Any] = null() if self.created is None else func.min(self.created)
        counting: Select[Any] = select(func.count(), oldest).select_from(self.table).where(self.mine)
        return counting

    def page(self, start: int, most: int) -> Select[Any]:
        """Return the statement that selects some of the rows, the newest first."""
        keys = self.table.primary_key.columns
        order = [key.desc() for key in keys] if self.created is None else [self.created.desc(), *keys]
        return select(*self.shown).where(self.mine).order_by(*order).offset(start).limit(most)

    def erase(self, connection: Connection, person: int, interaction: int) -> int:
        """Delete the rows, and return how many there were."""
        if self.erasing is not None:
            return self.erasing(connection, person)
        values = {"about": person, "interaction": interaction}
        return connection.execute(delete(self.table).where(self.mine), values).rowcount

    def words(self, count: int) -> str:
        """Return a number of rows in words, in the current locale."""
        return str(replace(self.counted, count=count, values={"number": whole(count)}))
