"""Limits that all replicas share: buckets of requests, and failed sign-ins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.gateway.domain.lockout import Standing
from services.gateway.domain.rate import Bucket
from shared.database import Connection, Pool

# One statement, so that replicas cannot take the same token twice: key, capacity, tokens that come
# in a second, and now.
TAKE: Final = """
    INSERT INTO gateway.rate_bucket AS b (key, tokens, refused, updated_at)
    VALUES ($1, $2::float8 - 1, false, $4)
        ON CONFLICT (key) DO UPDATE
       SET (tokens, refused, updated_at) = (
               SELECT CASE WHEN f.filled >= 1 THEN f.filled - 1 ELSE f.filled END,
                      f.filled < 1,
                      greatest(b.updated_at, $4)
                 FROM (SELECT least($2::float8, b.tokens + $3::float8 * greatest(0,
                              extract(epoch FROM $4::timestamptz - b.updated_at))) AS filled
                      ) AS f)
    RETURNING tokens, refused
"""


async def take_token(
    pool: Pool, key: str, *, capacity: int, per_second: float, at: datetime
) -> Bucket:
    """Take one token from a bucket that fills continuously, unless it is empty."""
    row = await pool.fetchrow(TAKE, key, float(capacity), per_second, at)
    if row is None:
        raise RuntimeError("INSERT … RETURNING gave no row")
    return Bucket(
        tokens=row["tokens"], refused=row["refused"], capacity=capacity, per_second=per_second
    )


async def lock_standings(
    conn: Connection, account: bytes, networks: tuple[str, ...]
) -> dict[str, Standing]:
    """Return an account's standing on each network, locked until the transaction ends.

    The rows are locked in one order, so that two sign-ins never wait for each other.
    """
    await conn.execute(
        """
        INSERT INTO gateway.login_standing (account, network, failures)
        SELECT $1, n.network, 0 FROM unnest($2::text[]) AS n (network) ORDER BY n.network
            ON CONFLICT DO NOTHING
        """,
        account,
        list(networks),
    )
    rows = await conn.fetch(
        """
        SELECT network, failures, last_failure_at, locked_until
          FROM gateway.login_standing
         WHERE account = $1 AND network = ANY ($2)
         ORDER BY network
           FOR UPDATE
        """,
        account,
        list(networks),
    )
    return {
        row["network"]: Standing(row["failures"], row["last_failure_at"], row["locked_until"])
        for row in rows
    }


async def save_standings(
    conn: Connection, account: bytes, standings: Mapping[str, Standing]
) -> None:
    for network, standing in standings.items():
        await conn.execute(
            """
            UPDATE gateway.login_standing
               SET failures = $3, last_failure_at = $4, locked_until = $5
             WHERE account = $1 AND network = $2
            """,
            account,
            network,
            standing.failures,
            standing.last_failure_at,
            standing.locked_until,
        )


async def forget_account(conn: Connection, account: bytes) -> None:
    """Forget the failed sign-ins of an account, and its locks."""
    await conn.execute("DELETE FROM gateway.login_standing WHERE account = $1", account)


async def forget_limits(pool: Pool, *, before: datetime) -> None:
    """Delete what has no effect any more."""
    await pool.execute("DELETE FROM gateway.rate_bucket WHERE updated_at < $1", before)
    await pool.execute(
        """
        DELETE FROM gateway.login_standing
         WHERE last_failure_at < $1 AND (locked_until IS NULL OR locked_until < $1)
        """,
        before,
    )
