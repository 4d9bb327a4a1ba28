"""What bot processes that share a database tell each other. The version before knows none of it, and needs none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0002", "0001"


def upgrade(op: Operations) -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("seen", sa.Double(), nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("taken", sa.Double(), nullable=False),
    )
    op.create_table(
        "identifications",
        sa.Column("bucket", sa.Integer(), primary_key=True),
        sa.Column("free", sa.Double(), nullable=False),
        sa.Column("process", sa.Text()),
    )
    op.create_table(
        "registered_commands",
        sa.Column("application_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text(), nullable=False),
    )
    _create_work(op)


def _create_work(op: Operations) -> None:
    op.create_table(
        "writing",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
    )
    op.create_index("writing_by_process", "writing", ["process"])
    op.create_table(
        "unanswered",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("acknowledged", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
    )
    op.create_index("unanswered_by_process", "unanswered", ["process"])
