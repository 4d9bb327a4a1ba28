"""Maintenance, and the shards of all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0010", "0009"


def upgrade(op: Operations) -> None:
    op.create_table(
        "maintenance",
        sa.Column("only", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ends", sa.Double()),
    )
    op.create_table(
        "shard_states",
        sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("latency", sa.Double()),
        sa.Column("seen", sa.Double(), nullable=False),
    )
