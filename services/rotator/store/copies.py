"""What the syncer says of copies: `ports.Copies` on its published view."""

from collections.abc import Sequence

from services.rotator.domain.rotation import Rotation
from shared.database import Pool


class SyncedCopies:
    """Implements `ports.Copies`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def missing(self, rotation: Rotation) -> Sequence[str]:
        places = rotation.places
        async with self._pool.acquire() as conn:
            rows = await conn.fetch(
                """
                SELECT v.destination
                  FROM unnest($1::text[], $2::text[], $3::text[])
                       AS place (vault_url, name, version)
                  JOIN syncer.v_copy AS v ON lower(v.vault_url) = lower(place.vault_url)
                                         AND lower(v.name) = lower(place.name)
                 WHERE v.copied_version IS DISTINCT FROM place.version
                 ORDER BY v.destination
                """,
                [place.vault_url for place in places],
                [place.name for place in places],
                [place.new_version for place in places],
            )
        return [row["destination"] for row in rows]
