"""Scopes of scans, schedules, marks in the change feed, and the posture of each day."""

from shared.database.migrations import run_sql_beside

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_beside(__file__)
