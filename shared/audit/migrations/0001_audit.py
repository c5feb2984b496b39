"""Creates the audit log, its chain and its checkpoints (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_beside(__file__)
