"""The languages in which people want the bot to write to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0012", "0011"


def upgrade(op: Operations) -> None:
    op.create_table(
        "own_languages",
        sa.Column("person", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("locale", sa.Text(), nullable=False),
    )
