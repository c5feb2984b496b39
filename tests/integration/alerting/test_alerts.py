"""Alerts in a real database: raised once, escalated, resolved by evidence, and caught up with."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from services.alerting import handlers
from services.alerting.steps import Desk, look_at_estate
from shared.events import (
    AlertRaised,
    AlertResolved,
    CredentialRef,
    ItemKind,
    ScanCompleted,
    VaultScanned,
)
from shared.events.scanning import ScanOutcome, VaultOutcome
from tests.support.alerting import DAY, NOW, Clock, Estate, expiring, message_of

ALERTS = """
    SELECT state, severity, threshold_days, title, item_id, evidence
      FROM alerting.v_alert ORDER BY raised_at, id
"""
OUTBOX = "SELECT reason, severity, title, text, link, channel FROM alerting.v_outbox ORDER BY id"
EVENTS = "SELECT type, count(*) AS n FROM bus.message GROUP BY 1"
AUDIT = "SELECT action, actor, service, correlation_id FROM audit.entry ORDER BY id"


async def tell(desk: Desk, ref: CredentialRef, *, days: float = 5, step: int = 7) -> None:
    event = expiring(ref, days=days, step=step)
    await handlers.on_secret_expiring(event, message_of(event), desk=desk)


async def scanned(desk: Desk, estate: Estate, *, changed: int = 1) -> None:
    event = VaultScanned(
        scan_id=uuid4(),
        vault_id=estate.vault_id,
        vault_name="kv-pay",
        outcome=VaultOutcome.OK,
        changed=changed,
    )
    await handlers.on_vault_scanned(event, message_of(event), desk=desk)


def scan_completed() -> ScanCompleted:
    return ScanCompleted(
        scan_id=uuid4(),
        outcome=ScanOutcome.COMPLETE,
        vaults=1,
        unreadable=0,
        items=1,
        added=0,
        changed=0,
        removed=0,
        seconds=1,
    )


async def events(estate: Estate) -> dict[str, int]:
    return {row["type"]: row["n"] for row in await estate.rows(EVENTS)}


async def test_an_expiring_secret_becomes_an_alert_a_message_an_event_and_an_audit_entry(
    estate: Estate, desk: Desk
) -> None:
    ref = await estate.add()
    event = expiring(ref)
    message = message_of(event)

    await handlers.on_secret_expiring(event, message, desk=desk)

    (alert,) = await estate.rows(ALERTS)
    assert (alert["state"], alert["severity"], alert["threshold_days"]) == ("raised", "critical", 7)
    (sent,) = await estate.rows(OUTBOX)
    assert sent["title"] == "Secret “db” in kv-pay expires in 5 days"
    assert (sent["reason"], sent["link"]) == ("raised", f"/items/{ref.item_id}")
    assert await events(estate) == {AlertRaised.type: 1}
    (entry,) = await estate.rows(AUDIT)
    assert (entry["action"], entry["service"]) == ("alert:raised", "alerting")
    assert entry["correlation_id"] == message.correlation_id


async def test_the_same_message_twice_and_a_later_step_change_nothing(
    estate: Estate, desk: Desk
) -> None:
    ref = await estate.add()
    event = expiring(ref)
    message = message_of(event)

    await handlers.on_secret_expiring(event, message, desk=desk)
    await handlers.on_secret_expiring(event, message, desk=desk)
    await tell(desk, ref, step=30)

    assert len(await estate.rows(ALERTS)) == len(await estate.rows(OUTBOX)) == 1
    assert await events(estate) == {AlertRaised.type: 1}


async def test_a_closer_step_escalates_the_same_alert_and_tells_people_again(
    estate: Estate, desk: Desk, clock: Clock
) -> None:
    ref = await estate.add(days=25)
    await tell(desk, ref, days=25, step=30)
    clock.now = NOW + 12 * DAY

    await tell(desk, ref, days=25, step=14)

    (alert,) = await estate.rows(ALERTS)
    assert (alert["severity"], alert["threshold_days"]) == ("high", 14)
    assert [row["reason"] for row in await estate.rows(OUTBOX)] == ["raised", "escalated"]
    assert await events(estate) == {AlertRaised.type: 1}


async def test_ten_messages_at_once_raise_one_alert(estate: Estate, desk: Desk) -> None:
    ref = await estate.add()

    await asyncio.gather(*(tell(desk, ref, step=step) for step in (60, 30, 14, 7, 7) * 2))

    assert len(await estate.rows(ALERTS)) == 1
    assert await events(estate) == {AlertRaised.type: 1}


async def test_the_database_refuses_a_second_open_alert(estate: Estate, desk: Desk) -> None:
    await tell(desk, await estate.add())

    with pytest.raises(asyncpg.UniqueViolationError, match="alert_one_open"):
        await estate.rows(
            """
            INSERT INTO alerting.alert (rule_id, fingerprint, severity, title, body, link, item_id,
                   kind, name, container, expires_on, step, raised_at)
            SELECT rule_id, fingerprint, severity, title, body, link, item_id, kind, name,
                   container, expires_on, step, raised_at
              FROM alerting.alert
            """
        )


async def test_a_message_about_a_credential_that_was_renewed_raises_nothing(
    estate: Estate, desk: Desk
) -> None:
    ref = await estate.add()
    await estate.renew(ref, days=400)

    await tell(desk, ref)

    assert await estate.rows(ALERTS) == []


@pytest.mark.parametrize(
    ("change", "evidence"),
    [("renew", "It was renewed"), ("delete", "It was deleted"), ("disable", "It was disabled")],
)
async def test_a_scan_that_sees_it_settled_resolves_the_alert(
    estate: Estate, desk: Desk, change: str, evidence: str
) -> None:
    ref = await estate.add()
    await tell(desk, ref)
    if change == "renew":
        await estate.renew(ref, days=400)
    else:
        await getattr(estate, change)(ref)

    await scanned(desk, estate)
    await scanned(desk, estate)

    (alert,) = await estate.rows(ALERTS)
    assert alert["state"] == "resolved"
    assert alert["evidence"].startswith(evidence)
    assert [row["reason"] for row in await estate.rows(OUTBOX)] == ["raised", "resolved"]
    assert await events(estate) == {AlertRaised.type: 1, AlertResolved.type: 1}
    assert [row["action"] for row in await estate.rows(AUDIT)] == ["alert:raised", "alert:resolved"]


async def test_a_vault_that_was_not_read_resolves_nothing(estate: Estate, desk: Desk) -> None:
    await tell(desk, await estate.add())
    unread = VaultScanned(
        scan_id=uuid4(),
        vault_id=estate.vault_id,
        vault_name="kv-pay",
        outcome=VaultOutcome.DENIED,
    )

    await handlers.on_vault_scanned(unread, message_of(unread), desk=desk)
    await look_at_estate(desk)

    assert [row["state"] for row in await estate.rows(ALERTS)] == ["raised"]


async def test_looking_raises_what_was_announced_while_alerting_was_away(
    estate: Estate, desk: Desk
) -> None:
    near = await estate.add("near", days=2)
    await estate.add("far", days=400)
    await estate.add("never", days=None)
    event = scan_completed()
    message = message_of(event)

    await handlers.on_scan_completed(event, message, desk=desk)
    await handlers.on_scan_completed(event, message, desk=desk)

    (alert,) = await estate.rows(ALERTS)
    assert (alert["item_id"], alert["threshold_days"]) == (near.item_id, 3)
    assert len(await estate.rows("SELECT handler FROM alerting.inbox")) == 1


async def test_looking_at_many_credentials_misses_none(
    estate: Estate, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.alerting.steps.PAGE", 2)
    for number in range(5):
        await estate.add(f"secret-{number}", days=number)

    await look_at_estate(desk)

    assert len(await estate.rows(ALERTS)) == 5


async def test_time_alone_brings_an_alert_to_its_next_step(
    estate: Estate, desk: Desk, clock: Clock
) -> None:
    await estate.add(days=20)
    await look_at_estate(desk)
    clock.now = NOW + 14 * DAY

    await look_at_estate(desk)
    await look_at_estate(desk)

    (alert,) = await estate.rows(ALERTS)
    assert alert["threshold_days"] == 7
    assert [row["reason"] for row in await estate.rows(OUTBOX)] == ["raised", "escalated"]


async def test_a_new_password_of_an_application_resolves_the_old_ones_alert(
    estate: Estate, desk: Desk
) -> None:
    kind = ItemKind.APP_SECRET
    old = await estate.add("ci", kind=kind, application="app-1", days=3)
    await tell(desk, old, days=3)
    new = await estate.add("ci", kind=kind, application="app-1", days=300, created_on=NOW)

    await scanned(desk, estate)
    await tell(desk, old, days=3, step=1)

    (alert,) = await estate.rows(ALERTS)
    assert alert["state"] == "resolved"
    assert "newer credential" in alert["evidence"]
    assert new.item_id != old.item_id


async def test_an_item_that_the_inventory_lost_resolves_its_alert(
    estate: Estate, desk: Desk
) -> None:
    ref = await estate.add()
    await tell(desk, ref)
    await estate.lose(ref)

    await look_at_estate(desk)
    await tell(desk, ref)

    (alert,) = await estate.rows(ALERTS)
    assert (alert["state"], alert["evidence"]) == ("resolved", "The inventory no longer holds it.")


async def test_a_rule_that_is_switched_off_raises_nothing_and_still_resolves(
    estate: Estate, desk: Desk
) -> None:
    ref = await estate.add()
    await tell(desk, ref)
    await estate.rows("UPDATE alerting.rule SET enabled = false")
    await estate.add("other")
    await estate.renew(ref, days=400)

    await look_at_estate(desk)

    assert [row["state"] for row in await estate.rows(ALERTS)] == ["resolved"]


async def test_what_fails_half_way_leaves_nothing(
    estate: Estate, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await estate.add()

    async def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patch:
        patch.setattr("services.alerting.steps.record", crash)
        with pytest.raises(RuntimeError, match="died"):
            await tell(desk, ref)

    assert await estate.rows(ALERTS) == await estate.rows(OUTBOX) == []
    assert await events(estate) == {}
    assert await estate.rows("SELECT handler FROM alerting.inbox") == []

    await tell(desk, ref)

    assert len(await estate.rows(ALERTS)) == 1


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
async def test_a_clock_an_hour_off_the_databases_raises_the_end_once(
    estate: Estate, desk: Desk, clock: Clock, hours: int
) -> None:
    """The scanner judged by the database's clock; its word counts, and nobody is told twice."""
    ref = await estate.add(days=0)
    hour = DAY / 24
    clock.now = NOW + hours * hour

    await tell(desk, ref, days=0, step=0)
    for off in (hours, 0, -hours):
        clock.now = NOW + off * hour
        await look_at_estate(desk)

    alerts = await estate.rows("SELECT state, threshold_days FROM alerting.v_alert")
    assert alerts == [{"state": "raised", "threshold_days": 0}]
    assert len(await estate.rows("SELECT id FROM alerting.delivery")) == 1
