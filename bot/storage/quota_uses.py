"""When people were answered, as far as servers count it: a storage of the library `limits`, which decides.

All processes that share the database count together. The times are the database's, so processes agree on them.
"""

from __future__ import annotations

from limits.aio.storage import MovingWindowSupport, Storage
from sqlalchemy import BigInteger, Connection, Double, Integer, Text, and_, bindparam, delete, func, insert, select

from bot.storage.clock import DatabaseNow
from bot.storage.database import FAILURES, Database, Values
from bot.storage.locks import Lock, acquire
from bot.storage.tables import QUOTA_USES

_KEY = QUOTA_USES.c.key == bindparam("whose", type_=Text)
# Uses of a clock that has been ahead do not count, or a quota would be used up until then.
_IN_WINDOW = and_(
    QUOTA_USES.c.used > DatabaseNow() - bindparam("seconds", type_=Double), QUOTA_USES.c.used < DatabaseNow() + 60.0
)
_COUNT = select(func.count()).select_from(QUOTA_USES).where(_KEY, _IN_WINDOW)
_INSERT = insert(QUOTA_USES).values(
    key=bindparam("whose", type_=Text),
    guild_id=bindparam("guild", type_=BigInteger),
    person=bindparam("of", type_=BigInteger),
    used=DatabaseNow(),
)
_NEWEST = (
    select(QUOTA_USES.c.used)
    .where(_KEY, _IN_WINDOW)
    .order_by(QUOTA_USES.c.used.desc())
    .limit(bindparam("most", type_=Integer))
)
_LAST = select(func.max(QUOTA_USES.c.number)).where(_KEY)
_GIVE_BACK = delete(QUOTA_USES).where(QUOTA_USES.c.number == _LAST.scalar_subquery())
_CLEAR = delete(QUOTA_USES).where(_KEY)
_NOW = select(DatabaseNow())


class QuotaUses(Storage, MovingWindowSupport):
    """The times at which quotas were used, for the strategy `MovingWindowRateLimiter`.

    A key is `<namespace>/<server>/<person>/…`. All methods raise `FAILURES` if the database can't be used.
    """

    STORAGE_SCHEME = None

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self.patience = database.patience

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return FAILURES

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count some uses if there have not been too many within `expiry` seconds; return whether they count."""
        _, guild_id, person, *_ = key.split("/")

        def work(connection: Connection) -> bool:
            acquire(connection, Lock.QUOTA, int(person))
            count = connection.execute(_COUNT, {"whose": key, "seconds": expiry}).scalar_one()
            if count + amount > limit:
                return False
            connection.execute(_INSERT, [{"whose": key, "guild": int(guild_id), "of": int(person)}] * amount)
            return True

        return await self._database.transaction(work)

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the time of the use that must be `expiry` seconds old before another one counts, and how many count.

        It is the oldest one, unless there are more than `limit`, because the limit was higher before.
        """
        values: Values = {"whose": key, "seconds": expiry, "most": limit}
        newest = await self._database.rows(_NEWEST, values)
        if not newest:
            [[now]] = await self._database.rows(_NOW)
            return now, 0
        return newest[-1].used, len(newest)

    async def give_back(self, key: str) -> None:
        """Forget the last use."""
        await self._database.run(_GIVE_BACK, {"whose": key})

    async def clear(self, key: str) -> None:
        await self._database.run(_CLEAR, {"whose": key})

    async def check(self) -> bool:
        try:
            await self._database.rows(_NOW)
        except FAILURES:
            return False
        return True

    async def reset(self) -> int | None:
        return await self._database.run(delete(QUOTA_USES))

    # Strategies with a fixed window count differently, and none is used here.
    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    async def get(self, key: str) -> int:
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError
