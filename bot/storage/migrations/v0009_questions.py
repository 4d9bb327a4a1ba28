"""The messages that the exchanges of conversations answered, so that an exchange is forgotten with its message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0009", "0008"


def upgrade(op: Operations) -> None:
    op.add_column("exchanges", sa.Column("question", sa.BigInteger()))
    of_a_message = sa.text("question IS NOT NULL")
    op.create_index(
        "exchanges_by_question",
        "exchanges",
        ["question"],
        sqlite_where=of_a_message,
        postgresql_where=of_a_message,
    )
