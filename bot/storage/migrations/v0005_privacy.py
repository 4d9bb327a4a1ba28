"""What is kept about a person is found by the person, and that they have deleted it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0005", "0004"


def upgrade(op: Operations) -> None:
    op.create_index("requests_by_person", "requests", ["person"])
    op.create_index("exchanges_by_person", "exchanges", ["person"])
    op.add_column("unanswered", sa.Column("person", sa.BigInteger()))
    op.create_table(
        "words_in_requests",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("words_in_requests_by_person", "words_in_requests", ["person"])
    op.create_table(
        "erasures",
        sa.Column("person", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
    )
    op.create_index("erasures_by_age", "erasures", ["created"])
