"""What people have guessed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0011", "0010"


def upgrade(op: Operations) -> None:
    op.create_table(
        "guesses",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("chosen", sa.Integer(), nullable=False),
    )
    op.create_index("guesses_by_person", "guesses", ["person"])
