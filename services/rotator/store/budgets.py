"""How fast writes go out, shared by all processes: token buckets by whose quota they take from."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.rotator.domain.limits import (
    TENANT_RATE,
    VAULT_RATE,
    AppWrites,
    Bucket,
    Budget,
    Rate,
    Wait,
    admit,
)
from services.rotator.domain.rotation import Rotation
from shared.database import Connection

_VAULT: Final = "vault "


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast each kind of budget fills up."""

    vault: Rate = VAULT_RATE
    target: Rate = TENANT_RATE

    def of(self, owner: str) -> Rate:
        """Return the rate of a vault's budget, or of a kind of targets in the tenant."""
        return self.vault if owner.startswith(_VAULT) else self.target


DEFAULT_RATES: Final = Rates()


async def take(conn: Connection, rotation: Rotation, owner: str, rates: Rates) -> Wait:
    """Take one write from the owner's budget, or return how long it has to wait."""
    now, bucket = await _lock(conn, owner)
    app = None if owner.startswith(_VAULT) else await _writes(conn, rotation)
    budget = Budget(owner=owner, rate=rates.of(owner), bucket=bucket)
    admission = admit([budget], in_flight=0, now=now, app=app)
    if not admission.wait.span:
        await _save(conn, owner, admission.budgets[0].bucket)
        if app is not None:
            await _wrote(conn, rotation)
    return admission.wait


async def shut(conn: Connection, owner: str, seconds: float) -> None:
    """Let nobody take from this budget for a while."""
    now, bucket = await _lock(conn, owner)
    await _save(conn, owner, bucket.shut(now, timedelta(seconds=seconds)))


async def _lock(conn: Connection, owner: str) -> tuple[datetime, Bucket]:
    row = await conn.fetchrow(
        """
        INSERT INTO rotator.budget AS b (owner, full_at) VALUES ($1, now())
        ON CONFLICT (owner) DO UPDATE SET owner = excluded.owner
        RETURNING b.full_at, b.shut_until, clock_timestamp() AS now
        """,
        owner,
    )
    if row is None:
        raise LookupError(owner)
    return row["now"], Bucket(full_at=row["full_at"], shut_until=row["shut_until"])


async def _save(conn: Connection, owner: str, bucket: Bucket) -> None:
    await conn.execute(
        "UPDATE rotator.budget SET full_at = $2, shut_until = $3 WHERE owner = $1",
        *(owner, bucket.full_at, bucket.shut_until),
    )


async def _writes(conn: Connection, rotation: Rotation) -> AppWrites:
    at = await conn.fetchval(
        "SELECT t.wrote_at FROM rotator.target AS t WHERE t.driver = $1 AND t.name = $2",
        *(rotation.driver, rotation.target),
    )
    return AppWrites(write_ended_at=at)


async def _wrote(conn: Connection, rotation: Rotation) -> None:
    await conn.execute(
        "UPDATE rotator.target SET wrote_at = clock_timestamp() WHERE driver = $1 AND name = $2",
        *(rotation.driver, rotation.target),
    )
