"""Messages in, what is decided recorded, events out.

A message is a trigger to look again: what it says is compared with the inventory. Where looking
takes several transactions the message is recorded as handled after the last one; looking twice
changes nothing, so a crash in between costs a second look and loses nothing.
"""

from services.alerting.domain.alert import Told
from services.alerting.steps import Desk, judge, look_at_alerts, look_at_estate
from shared.bus import Message, inbox
from shared.events import Event, ScanCompleted, SecretExpiring, VaultScanned


async def on_secret_expiring(event: SecretExpiring, message: Message, *, desk: Desk) -> None:
    """Raise, escalate or leave the credential's alert: message, alert and events in one piece."""
    told = Told(expires_on=event.expires_on, step=event.threshold_days)
    async with desk.pool.transaction() as conn:
        if await inbox.claim(conn, message, "on_secret_expiring"):
            item_id, course = event.credential.item_id, message.correlation_id
            await judge(desk, conn, item_id, told=told, course=course)


async def on_vault_scanned(event: VaultScanned, message: Message, *, desk: Desk) -> None:
    """Resolve the alerts of a vault in which something changed."""
    if event.added or event.changed or event.removed:
        await look_at_alerts(desk, vault_id=event.vault_id, course=message.correlation_id)
    await _handled(message, "on_vault_scanned", desk)


async def on_scan_completed(_: ScanCompleted, message: Message, *, desk: Desk) -> None:
    """Look at the whole estate: this finds whatever no message brought."""
    await look_at_estate(desk, course=message.correlation_id)
    await _handled(message, "on_scan_completed", desk)


async def on_without_rule(_: Event, message: Message, *, desk: Desk) -> None:
    """Record a message for which this release has no rule. Nothing follows from it."""
    await _handled(message, "on_without_rule", desk)


async def _handled(message: Message, handler: str, desk: Desk) -> None:
    async with desk.pool.transaction() as conn:
        await inbox.claim(conn, message, handler)
