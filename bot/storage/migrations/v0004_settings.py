"""In which server something was asked, for how long a server wants it to be kept, and how often people have asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0004", "0003"


def upgrade(op: Operations) -> None:
    op.add_column("server_settings", sa.Column("kept_seconds", sa.Double()))
    op.add_column("requests", sa.Column("guild_id", sa.BigInteger()))
    op.add_column("exchanges", sa.Column("guild_id", sa.BigInteger()))
    in_a_server = sa.text("guild_id IS NOT NULL")
    op.create_index(
        "requests_by_server",
        "requests",
        ["guild_id", "created"],
        sqlite_where=in_a_server,
        postgresql_where=in_a_server,
    )
    op.create_table(
        "quota_uses",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Double(), nullable=False),
    )
    op.create_index("quota_uses_by_key", "quota_uses", ["key", "used"])
    op.create_index("quota_uses_by_age", "quota_uses", ["used"])
