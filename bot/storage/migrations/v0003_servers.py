"""What servers have set, and who has opted out of what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0003", "0002"


def upgrade(op: Operations) -> None:
    op.create_table(
        "server_settings",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.Double()),
    )
    op.create_table(
        "opt_outs",
        sa.Column("person", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("what", sa.Text(), primary_key=True),
    )
