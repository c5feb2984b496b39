"""Subscriptions that scans leave out (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql_beside(__file__)
