"""What was asked for about scans: their scope, and schedules (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0006"
down_revision = "0001"


def upgrade() -> None:
    run_sql_beside(__file__)
