"""Creates the budget that all replicas share (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql_beside(__file__)
