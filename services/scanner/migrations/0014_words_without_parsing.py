"""Takes the words of an ordinary name without the text parser (see the SQL beside it)."""

from shared.database.migrations import run_sql_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql_beside(__file__)
