"""Translations under flags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0008", "0007"


def upgrade(op: Operations) -> None:
    op.create_table(
        "translations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("reply_id", sa.BigInteger()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("delete_at", sa.Double()),
    )
    has_deadline = sa.text("delete_at IS NOT NULL")
    op.create_index("translations_by_message", "translations", ["message_id"])
    op.create_index("translations_by_age", "translations", ["created"])
    op.create_index(
        "translations_by_deadline",
        "translations",
        ["delete_at"],
        sqlite_where=has_deadline,
        postgresql_where=has_deadline,
    )
