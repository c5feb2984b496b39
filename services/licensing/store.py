"""Every SQL statement of licensing."""

from services.licensing.domain.evaluation import Evaluation
from shared.database import Connection
from shared.events.licensing import LicenseState


async def claim_evaluation(conn: Connection, fresh: Evaluation) -> Evaluation:
    """Return the evaluation, locked for this transaction; the first caller begins it."""
    await conn.execute(
        """
        INSERT INTO licensing.evaluation (started_at, ends_at)
        VALUES ($1, $2)
        ON CONFLICT (singleton) DO NOTHING
        """,
        fresh.started_at,
        fresh.ends_at,
    )
    row = await conn.fetchrow(
        "SELECT started_at, ends_at, announced FROM licensing.evaluation FOR UPDATE"
    )
    if row is None:
        raise LookupError("The evaluation was deleted while it was read.")
    announced = row["announced"]
    return Evaluation(
        started_at=row["started_at"],
        ends_at=row["ends_at"],
        announced=LicenseState(announced) if announced else None,
    )


async def save_announced(conn: Connection, state: LicenseState) -> None:
    await conn.execute("UPDATE licensing.evaluation SET announced = $1", state)
