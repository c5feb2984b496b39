"""Adds applications, what only their credentials have, and their change feed (see the SQL)."""

from shared.database.migrations import run_sql_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_beside(__file__)
