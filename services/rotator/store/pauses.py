"""The kill switch: who paused what, and since when."""

from services.rotator.domain.rotation import Rotation
from shared.database import Connection


async def sentence(conn: Connection, rotation: Rotation) -> str | None:
    """Return the sentence on the pause that holds for a rotation, or None."""
    row = await conn.fetchrow(
        """
        SELECT p.scope, p.paused_by, p.paused_at, p.reason
          FROM rotator.pause AS p
         WHERE p.scope = 'everything'
            OR p.scope = 'subscription' AND p.target = ANY ($1::text[])
            OR p.scope = 'credential' AND p.target = $2
         ORDER BY p.scope = 'everything' DESC, p.paused_at
         LIMIT 1
        """,
        sorted(_subscriptions(rotation)),
        str(rotation.credential_id),
    )
    if row is None:
        return None
    what = "Rotation" if row["scope"] == "everything" else f"Rotation of this {row['scope']}"
    return (
        f"{what} was paused by {row['paused_by']} at {row['paused_at']:%Y-%m-%d %H:%M} UTC"
        f" ({row['reason']}). Whatever works goes on working. Resume it with"
        " `certifyclouds rotate resume`."
    )


def _subscriptions(rotation: Rotation) -> set[str]:
    references = (rotation.subject, *(place.reference for place in rotation.places))
    return {each.subscription_id.lower() for each in references if each.subscription_id}
