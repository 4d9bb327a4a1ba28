"""The languages that people have chosen for themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, Text, bindparam, delete, select

from bot.storage.database import Database
from bot.storage.tables import OWN_LANGUAGES
from bot.storage.upserts import insert_into

_PERSON = bindparam("of", type_=BigInteger)
_FIND = select(OWN_LANGUAGES.c.locale).where(OWN_LANGUAGES.c.person == _PERSON)
_ALL = select(OWN_LANGUAGES.c.person, OWN_LANGUAGES.c.locale).limit(bindparam("most", type_=Integer))
_DELETE = delete(OWN_LANGUAGES).where(OWN_LANGUAGES.c.person == _PERSON)


class OwnLanguagesTable:
    """Locales, such as "pt_BR", by people. All methods raise `FAILURES` if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        locale = bindparam("locale", type_=Text)
        self._write = (
            insert_into(OWN_LANGUAGES, database.dialect)
            .values(person=_PERSON, locale=locale)
            .on_conflict_do_update(index_elements=["person"], set_={"locale": locale})
        )

    async def find(self, person: int) -> str | None:
        """Return what a person has chosen; None if they have chosen nothing."""
        found = await self._database.rows(_FIND, {"of": person})
        return str(found[0].locale) if found else None

    async def all(self, most: int) -> dict[int, str]:
        """Return what people have chosen, of `most` of them."""
        return {row.person: row.locale for row in await self._database.rows(_ALL, {"most": most})}

    async def choose(self, person: int, locale: str | None) -> None:
        """Note what a person has chosen; None to forget it."""
        if locale is None:
            await self._database.run(_DELETE, {"of": person})
        else:
            await self._database.run(self._write, {"of": person, "locale": locale})
