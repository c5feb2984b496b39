"""Creates policies, freezes, what they lead to, and suggestions (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_beside(__file__)
