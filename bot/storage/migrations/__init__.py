"""The migrations, one file each, in Alembic's format. `bot.storage.upgrading` runs them when a database is opened.

A migration is written for good: it spells out its tables rather than import them from `bot.storage.tables`.

During a rolling restart processes of two versions share a database. So a migration adds, and what it takes away is what
the version before has not used any more.
"""
