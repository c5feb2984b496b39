"""Adds vaults' settings, who may do what in them, and where their logs go (see the SQL)."""

from shared.database.migrations import run_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql_beside(__file__)
