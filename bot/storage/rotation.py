"""Encrypts anew what another key has written, or none. So keys can be changed, and encryption switched on later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    Update,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)  # fmt: skip

from bot.errors import describe
from bot.storage.database import FAILURES, Database
from bot.storage.encryption import MARK, Cipher, Encrypted
from bot.storage.tables import METADATA

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Rows of one transaction, so that nobody waits long for it."""
PAUSE_SECONDS = 0.01
"""Between two transactions in the background."""


@dataclass(frozen=True)
class Rotated:
    """What has become of the texts: how many were written anew, and how many could not be read."""

    written: int = 0
    unreadable: int = 0

    def __add__(self, other: Rotated) -> Rotated:
        return Rotated(self.written + other.written, self.unreadable + other.unreadable)


class Rotation:
    """Writes all texts of a database with the first key, or without one.

    It works in steps that any number of processes may do at once, beside everything else: a text is only replaced if it
    still is what was read, so nothing that was deleted or changed meanwhile comes back.

    Args:
        cipher: reads.
        target: writes; the same cipher, or one without keys.
    """

    def __init__(self, database: Database, cipher: Cipher, target: Cipher | None = None) -> None:
        self._database = database
        self._cipher = cipher
        self._target = target or cipher

    async def run(self) -> None:
        """Do it once in the background, if there is a key. Failures are logged."""
        if not self._cipher.is_on:
            return
        try:
            done = await self.rotate(pause=PAUSE_SECONDS)
        except FAILURES as error:
            log.warning("texts cannot be encrypted anew now, and will be at the next start: %s", describe(error))
            return
        if done.written:
            log.info("%d texts were encrypted anew", done.written)
        if done.unreadable:
            log.warning("%d texts cannot be read: their key is not among STORAGE_KEYS", done.unreadable)
        else:
            log.info("all texts are encrypted with the first key of STORAGE_KEYS: any other may be removed")

    async def rotate(self, told: Callable[[Rotated], None] | None = None, pause: float = 0.0) -> Rotated:
        """Write everything anew that the target has not written.

        Args:
            told: called after each step, with the sum so far.
            pause: seconds between two steps.

        Raises:
            FAILURES: the database can't be used. What has been written stays.
        """
        done = Rotated()
        for table in encrypted_tables():
            last: Row[Any] | None = None
            while True:
                step, last = await self._database.transaction(_Step(table, self._cipher, self._target, last))
                done += step
                if told is not None:
                    told(done)
                if last is None:
                    break
                await asyncio.sleep(pause)
        return done


class _Step:
    """A transaction that writes the next rows of a table; returns the count, and the last key if there may be more."""

    def __init__(self, table: Table, cipher: Cipher, target: Cipher, after: Row[Any] | None) -> None:
        self._columns = encrypted_columns(table)
        self._keys = tuple(table.primary_key)
        self._table = table
        self._cipher, self._target, self._after = cipher, target, after

    def __call__(self, connection: Connection) -> tuple[Rotated, Row[Any] | None]:
        rows = connection.execute(self._rows()).all()
        done = Rotated()
        for row in rows:
            done += self._rewrite(connection, row)
        return done, rows[-1] if len(rows) == AT_ONCE else None

    def _rows(self) -> Select[Any]:
        keys = [key.label(f"key_{key.name}") for key in self._keys]
        texts = [_raw(column).label(column.name) for column in self._columns]
        rows = select(*keys, *texts).where(or_(*(self._is_others(column) for column in self._columns)))
        if self._after is not None:
            rows = rows.where(tuple_(*self._keys) > tuple_(*self._after[: len(keys)]))
        return rows.order_by(*self._keys).limit(AT_ONCE)

    def _is_others(self, column: Column[str]) -> ColumnElement[bool]:
        """Return the condition that the target has not written a text."""
        raw = _raw(column)
        prefix = self._target.prefix
        # Not LIKE, which in SQLite ignores case.
        return raw.is_not(None) & (
            (_start(raw, len(prefix)) != prefix) if prefix else (_start(raw, 1) == MARK) & (_start(raw, 2) != MARK * 2)
        )

    def _rewrite(self, connection: Connection, row: Row[Any]) -> Rotated:
        new: dict[str, str] = {}
        unreadable = 0
        for column in self._columns:
            stored = row._mapping[column.name]
            if stored is None or (self._target.prefix and stored.startswith(self._target.prefix)):
                continue
            text = self._cipher.decrypt(stored)
            if text is None:
                unreadable += 1
            elif (written := self._target.encrypt(text)) != stored:
                new[column.name] = written
        if not new or not connection.execute(self._update(row, new)).rowcount:
            return Rotated(0, unreadable)
        return Rotated(len(new), unreadable)

    def _update(self, row: Row[Any], new: Mapping[str, str]) -> Update:
        same = [key == value for key, value in zip(self._keys, row, strict=False)]
        same += [_raw(self._table.c[name]) == row._mapping[name] for name in new]
        values = {self._table.c[name]: type_coerce(text, Text()) for name, text in new.items()}
        return update(self._table).where(and_(*same)).values(values)


def encrypted_columns(table: Table) -> tuple[Column[str], ...]:
    """Return the columns with people's texts."""
    return tuple(column for column in table.c if isinstance(column.type, Encrypted))


def encrypted_tables(metadata: MetaData = METADATA) -> Iterator[Table]:
    """Yield the tables with such columns."""
    yield from (table for table in metadata.sorted_tables if encrypted_columns(table))


def _raw(column: Column[str]) -> ColumnElement[str]:
    """Return what a column holds, as it is stored."""
    return type_coerce(column, Text())


def _start(raw: ColumnElement[str], characters: int) -> ColumnElement[str]:
    return func.substr(raw, 1, literal(characters, Integer()))
