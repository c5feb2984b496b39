"""Adds when a shard was listed, so that details wait for all listings (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql_beside(__file__)
