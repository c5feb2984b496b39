"""Creates the copies and the view that retirement asks (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql_beside(__file__)
