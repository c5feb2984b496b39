"""Lets handled deliveries be settled together (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_beside(__file__)
