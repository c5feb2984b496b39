"""People: how much they may see, first passwords, removal (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_beside(__file__)
