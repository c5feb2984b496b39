"""Several data keys of one purpose, while rows are encrypted anew (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_beside(__file__)
