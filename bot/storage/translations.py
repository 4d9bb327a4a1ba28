"""Which messages were translated under flags: each once, and until the server wants the translation to be deleted."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Double, and_, bindparam, delete, select, update

from bot.storage.database import Database, Values
from bot.storage.tables import TRANSLATIONS
from bot.storage.upserts import insert_into

STALE_SECONDS = 300.0
"""After so long, what was claimed and not posted was begun by a process that has died."""
AGAIN_SECONDS = 60.0
"""How long one process has to delete a message before another one tries."""
AT_ONCE = 50

_TABLE = TRANSLATIONS.c
_THIS = _TABLE.id == bindparam("this")
_RELEASE = delete(TRANSLATIONS).where(_THIS)
_POSTED = (
    update(TRANSLATIONS)
    .where(_THIS)
    .values(reply_id=bindparam("reply", type_=BigInteger), delete_at=bindparam("deadline", type_=Double))
)
_FIND = select(_TABLE.reply_id).where(_THIS, _TABLE.reply_id.is_not(None))
_WITHDRAW = (
    update(TRANSLATIONS)
    .where(_TABLE.message_id == bindparam("of", type_=BigInteger), _TABLE.reply_id.is_not(None))
    .values(delete_at=bindparam("now", type_=Double))
)
_FORGET = delete(TRANSLATIONS).where(_TABLE.message_id == bindparam("of", type_=BigInteger), _TABLE.reply_id.is_(None))
_DUE = (
    select(_TABLE.id)
    .where(and_(_TABLE.delete_at <= bindparam("now", type_=Double), _TABLE.reply_id.is_not(None)))
    .order_by(_TABLE.delete_at)
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)
_CLAIM_DUE = (
    update(TRANSLATIONS)
    .where(_TABLE.id.in_(_DUE))
    .values(delete_at=bindparam("again", type_=Double))
    .returning(_TABLE.id, _TABLE.channel_id, _TABLE.reply_id)
)


@dataclass(frozen=True)
class Due:
    """A message of the bot's that is to be deleted."""

    id: str
    channel_id: int
    reply_id: int


class Translations:
    """Messages and what was made of them: a translation into a language, or a menu of languages.

    They are named by the message's id and a word: a language, or a territory. All methods raise `FAILURES`.

    Attributes:
        timers: the context in which whatever is periodic runs. Simulations hold back the timers of their own.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self.timers = contextvars.copy_context()
        self._database = database
        self._now = now
        claim = insert_into(TRANSLATIONS, database.dialect)
        stale = and_(_TABLE.reply_id.is_(None), _TABLE.created < bindparam("stale", type_=Double))
        self._claim = claim.on_conflict_do_update(
            index_elements=["id"], set_={"created": claim.excluded.created}, where=stale
        )

    async def claim(self, message_id: int, word: str, *, channel_id: int, guild_id: int) -> bool:
        """Begin something that is done once; return whether nobody has begun it before."""
        now = self._now()
        values: Values = {
            "id": _id(message_id, word),
            "message_id": message_id,
            "channel_id": channel_id,
            "guild_id": guild_id,
            "created": now,
            "reply_id": None,
            "delete_at": None,
            "stale": now - STALE_SECONDS,
        }
        return await self._database.run(self._claim, values) > 0

    async def release(self, message_id: int, word: str) -> None:
        """Let something be done again."""
        await self._database.run(_RELEASE, {"this": _id(message_id, word)})

    async def posted(self, message_id: int, word: str, reply_id: int, delete_after: float | None) -> bool:
        """Note which message of the bot's it is; return False if the message that it is of was deleted meanwhile.

        Args:
            delete_after: seconds until it is deleted; None to keep it.
        """
        deadline = None if delete_after is None else self._now() + delete_after
        values: Values = {"this": _id(message_id, word), "reply": reply_id, "deadline": deadline}
        return await self._database.run(_POSTED, values) > 0

    async def find(self, message_id: int, word: str) -> int | None:
        """Return the id of the bot's message; None if there is none (yet)."""
        rows = await self._database.rows(_FIND, {"this": _id(message_id, word)})
        return rows[0].reply_id if rows else None

    async def withdraw(self, message_id: int) -> None:
        """Have everything deleted that was made of a message, because it was deleted itself."""
        await self._database.run(_FORGET, {"of": message_id})
        await self._database.run(_WITHDRAW, {"of": message_id, "now": self._now()})

    async def due(self) -> list[Due]:
        """Return messages that are to be deleted now. Other processes leave them alone for `AGAIN_SECONDS`."""
        now = self._now()
        rows = await self._database.rows(_CLAIM_DUE, {"now": now, "again": now + AGAIN_SECONDS})
        return [Due(row.id, row.channel_id, row.reply_id) for row in rows]

    async def deleted(self, due: Due) -> None:
        """Forget a message that was deleted. A flag translates it again."""
        await self._database.run(_RELEASE, {"this": due.id})


def _id(message_id: int, word: str) -> str:
    return f"{message_id}:{word}"
