"""Second factors and recovery codes (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_beside(__file__)
