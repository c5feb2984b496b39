"""Policies over the tenant of `tests.support.rotator`, and what the scheduler makes of them.

The database's clock cannot be set, so credentials end in so many days from its present.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.rotator import handlers
from services.rotator.steps.scheduler import Scheduler
from shared.bus import Message
from shared.events import (
    Event,
    RotationFreezeChangeRequested,
    RotationPolicyChangeRequested,
    RotationUpcoming,
)
from tests.support.rotator import Tenant, message, nobody
from tests.support.saga.ledgers import Noted

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PASSWORDS = UUID(int=77)


@dataclass
class Policies:
    """A tenant with policies, and replicas that look at it."""

    shop: Tenant
    outbox: Noted = field(default_factory=Noted)
    asked: int = 0

    def scheduler(self, **changes: Any) -> Scheduler:
        """A rotator's scheduler that has just been started."""
        given: dict[str, Any] = {
            "pool": self.shop.pool,
            "outbox": self.outbox,
            "features": self.shop.licence,
            "notice": 7 * DAY,
        }
        return Scheduler(**given | changes)

    async def turn(self, **changes: Any) -> int:
        return await self.scheduler(**changes).turn()

    async def now(self) -> datetime:
        (row,) = await self.shop.estate.rows("SELECT now() AS now")
        found: datetime = row["now"]
        return found

    async def set(self, policy_id: UUID = PASSWORDS, **changes: Any) -> None:
        """Ask for a policy about every application's password, unless told otherwise."""
        given = {"name": "passwords", "selector": "kind:app_secret", "rotate_before_days": 30}
        event = RotationPolicyChangeRequested(
            policy_id=policy_id, requested_by="ada", **{**given, **changes}
        )
        await handlers.on_rotation_policy_change_requested(
            event, await self._message(event), pool=self.shop.pool, wake=nobody
        )

    async def freeze(
        self, starts_at: datetime, ends_at: datetime, freeze_id: UUID | None = None
    ) -> UUID:
        event = RotationFreezeChangeRequested(
            freeze_id=freeze_id or uuid4(),
            starts_at=starts_at,
            ends_at=ends_at,
            reason="year's end",
            requested_by="ada",
        )
        await self._freeze(event)
        return event.freeze_id

    async def thaw(self, freeze_id: UUID) -> None:
        await self._freeze(
            RotationFreezeChangeRequested(freeze_id=freeze_id, removed=True, requested_by="ada")
        )

    async def ends_in(self, days: float, *, lifetime: float = 90, item: int | None = None) -> None:
        """Let the application's password end in so many days; it was made `lifetime` before."""
        async with self.shop.estate.database.connection() as conn:
            await conn.execute(
                """
                UPDATE scanner.item
                   SET expires_on = now() + $2::interval, warning_at = now() + $2::interval,
                       critical_at = now() + $2::interval, created_on = NULL,
                       not_before = now() + $2::interval - $3::interval
                 WHERE id = $1
                """,
                *(item or self.shop.app.item_id, days * DAY, lifetime * DAY),
            )

    async def rotations(self) -> list[dict[str, Any]]:
        return await self.shop.estate.rows("SELECT * FROM rotator.rotation ORDER BY requested_at")

    async def outlook(self) -> dict[str, Any]:
        """Return what people see of the one credential that is rotated."""
        (found,) = await self.shop.estate.rows("SELECT * FROM rotator.v_credential")
        return found

    async def end(self, state: str, **changes: Any) -> None:
        """Write down that the rotation under way ended."""
        async with self.shop.estate.database.connection() as conn:
            await conn.execute(
                "UPDATE rotator.rotation SET state = $1, over = true, reason = $2,"
                " new_key_id = $3 WHERE NOT over",
                *(state, changes.get("reason"), changes.get("new_key_id")),
            )

    def told(self) -> list[RotationUpcoming]:
        return [each for each in self.outbox.emitted if isinstance(each, RotationUpcoming)]

    async def _freeze(self, event: RotationFreezeChangeRequested) -> None:
        await handlers.on_rotation_freeze_change_requested(
            event, await self._message(event), pool=self.shop.pool, wake=nobody
        )

    async def _message(self, event: Event) -> Message:
        """Each is published after the one before."""
        self.asked += 1
        return message(event, time=await self.now() + timedelta(seconds=self.asked))
