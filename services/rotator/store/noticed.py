"""The memory of credentials that end soon."""

from datetime import datetime

from shared.database import Connection
from shared.events import SecretExpiring


async def save(conn: Connection, event: SecretExpiring, *, told_at: datetime) -> None:
    """Remember an expiring credential.

    Of one end the closest threshold stays; of two ends the one that was told of last. So a message
    that comes late changes nothing.
    """
    credential = event.credential
    await conn.execute(
        """
        INSERT INTO rotator.noticed AS n (item_id, kind, name, container, subscription_id,
               expires_on, threshold_days, told_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (item_id) DO UPDATE
           SET name = excluded.name, container = excluded.container,
               expires_on = excluded.expires_on, threshold_days = excluded.threshold_days,
               told_at = greatest(n.told_at, excluded.told_at)
         WHERE CASE WHEN excluded.expires_on = n.expires_on
                    THEN excluded.threshold_days < n.threshold_days
                    ELSE excluded.told_at > n.told_at END
        """,
        *(credential.item_id, credential.kind, credential.name, credential.container),
        *(credential.subscription_id, event.expires_on, event.threshold_days, told_at),
    )
