"""PostgreSQL's advisory locks, which processes hold against each other. SQLite's transactions lock the whole file."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import BigInteger, Connection, Integer, bindparam, func, select


class Lock(IntEnum):
    """What is locked: the first of the two numbers of an advisory lock. The second is made of a key."""

    MIGRATIONS = 1
    CONVERSATION = 2
    """Of a channel, after the locks of persons. Those who keep requests share it; those who delete the conversation or
    trim it have it alone."""
    QUOTA = 3
    """Of a person, for whom answers are counted one after the other."""
    PERSON = 4
    """Those who keep something of a person share it; the one who deletes everything about them has it alone."""


_NUMBERS = bindparam("lock", type_=Integer), func.hashint8(bindparam("key", type_=BigInteger))
_ALONE = select(func.pg_advisory_xact_lock(*_NUMBERS))
_SHARED = select(func.pg_advisory_xact_lock_shared(*_NUMBERS))


def acquire(connection: Connection, lock: Lock, key: int = 0, *, shared: bool = False) -> None:
    """Wait for a lock, and hold it until the transaction ends. Keys of 64 bits may share a lock, which costs only time.

    A statement of PostgreSQL sees what was committed when the statement began. So what is to see the work of those who
    held the lock before comes in a statement of its own.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARED if shared else _ALONE, {"lock": int(lock), "key": key})
