"""Files that are answered row by row, with the rows that are done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0007", "0006"


def upgrade(op: Operations) -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("person", sa.BigInteger(), nullable=False, unique=True),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("batches_by_guild", "batches", ["guild_id"])
    for name in ("batch_parts", "batch_answers"):
        op.create_table(
            name,
            sa.Column("batch_id", sa.Text(), primary_key=True),
            sa.Column("number", sa.Integer(), primary_key=True),
            sa.Column("content", sa.Text(), nullable=False),
        )
