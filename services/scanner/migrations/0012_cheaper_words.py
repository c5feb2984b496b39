"""Finds the words of a name at less cost, where PostgreSQL can (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_beside(__file__)
