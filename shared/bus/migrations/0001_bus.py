"""Creates the bus's tables and the functions through which alone they are reached (SQL beside)."""

from shared.database.migrations import run_sql_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_beside(__file__)
