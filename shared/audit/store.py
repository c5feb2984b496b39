"""Writing an audit entry, in the transaction of the act itself."""

from shared.audit.entry import AuditEntry
from shared.database import Connection


async def record(conn: Connection, entry: AuditEntry) -> None:
    """Write `entry` in the caller's transaction: the act and its record stand or fall together."""
    await conn.execute(
        """
        INSERT INTO audit.entry
               (action, actor, subject, outcome, correlation_id, address, scope, reason, amount,
                before, after)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        entry.action,
        entry.actor,
        entry.subject,
        entry.outcome,
        entry.correlation_id,
        None if entry.address is None else str(entry.address),
        entry.scope,
        entry.reason,
        entry.amount,
        entry.before,
        entry.after,
    )
