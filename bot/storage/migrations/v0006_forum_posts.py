"""Which posts of forums were judged, and which tags they got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0006", "0005"


def upgrade(op: Operations) -> None:
    op.create_table(
        "forum_posts",
        sa.Column("thread_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("forum_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
    )
    op.create_index("forum_posts_by_forum", "forum_posts", ["forum_id", "created"])
    op.create_index("forum_posts_by_age", "forum_posts", ["created"])
