"""Looking at a credential and doing what was decided, in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from services.alerting.domain.alert import Act, Escalate, Raise, Resolve, Told, decide
from services.alerting.domain.credential import Credential, fingerprint, speaker
from services.alerting.domain.notice import Notice, compose
from services.alerting.domain.wording import Wording, settled
from services.alerting.store import alerts, inventory
from services.alerting.store.alerts import OpenAlert, Rule
from shared.audit import Action, AuditEntry, record
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import AlertRaised, AlertResolved
from shared.events.alerting import Severity

PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What judging a credential needs."""

    pool: Pool
    bus: Bus
    clock: Clock


async def judge(
    desk: Desk,
    conn: Connection,
    item_id: int,
    *,
    told: Told | None = None,
    course: UUID | None = None,
) -> None:
    """Look at an item's logical credential and do what follows, in the caller's transaction.

    `course` is the correlation id of the message that led here, for the audit log.
    """
    mark = await _mark(conn, item_id)
    if mark is None:
        return
    await alerts.lock_fingerprint(conn, mark)
    # Read again under the lock: what was seen before it may be older than what another one judged.
    now, rule = desk.clock(), await alerts.get_rule(conn)
    credential = speaker(await inventory.list_family(conn, item_id), now)
    standing = await alerts.get_open(conn, mark)
    acts = decide(
        standing.standing if standing else None, credential, now=now, told=told, steps=rule.steps
    )
    for act in acts:
        await _do(act, _Case(desk, conn, rule, mark, standing, credential, course))


async def look_at_alerts(
    desk: Desk, *, vault_id: int | None = None, course: UUID | None = None
) -> None:
    """Judge the open alerts, of one vault or of all, of which the inventory tells otherwise."""

    async def page(after: int) -> list[int]:
        async with desk.pool.acquire() as conn:
            return await inventory.list_doubtful(conn, vault_id=vault_id, after=after, limit=PAGE)

    await _each(desk, page, course)


async def look_at_estate(desk: Desk, *, course: UUID | None = None) -> None:
    """Judge every open alert, and every credential that should have one and has none.

    This finds what was announced while alerting was away, and what time alone has changed.
    """
    await look_at_alerts(desk, course=course)

    async def page(after: int) -> list[int]:
        now = desk.clock()
        async with desk.pool.acquire() as conn:
            steps = (await alerts.get_rule(conn)).steps
            until = now + timedelta(days=max(steps, default=0))
            return await inventory.list_unannounced(
                conn, until=until, now=now, after=after, limit=PAGE
            )

    await _each(desk, page, course)


async def _each(
    desk: Desk, page: Callable[[int], Awaitable[list[int]]], course: UUID | None
) -> None:
    """Judge page after page; each item in a transaction of its own: a crash keeps what is done."""
    after = 0
    while items := await page(after):
        for item_id in items:
            async with desk.pool.transaction() as conn:
                await judge(desk, conn, item_id, course=course)
        after = items[-1]


async def _mark(conn: Connection, item_id: int) -> str | None:
    """Return the fingerprint of an item; of one that the inventory lost, its alert's."""
    family = await inventory.list_family(conn, item_id)
    return fingerprint(family[0]) if family else await alerts.fingerprint_of(conn, item_id)


@dataclass(frozen=True, slots=True)
class _Case:
    """One credential under its lock."""

    desk: Desk
    conn: Connection
    rule: Rule
    mark: str
    open: OpenAlert | None
    credential: Credential | None
    course: UUID | None


async def _do(act: Act, case: _Case) -> None:
    match act:
        case Raise(step):
            await _raise(case, _notice(case, step))
        case Escalate(step):
            await _escalate(case, _notice(case, step))
        case Resolve(evidence):
            await _resolve(case, evidence)


def _notice(case: _Case, step: int) -> Notice:
    if case.credential is None:
        raise AssertionError("Only a credential that is there can be announced.")
    return compose(case.credential, step, now=case.desk.clock(), steps=case.rule.steps)


async def _raise(case: _Case, notice: Notice) -> None:
    now = case.desk.clock()
    alert_id = await alerts.add_alert(
        case.conn, notice, rule=case.rule, fingerprint=case.mark, now=now
    )
    await _deliver(case, alert_id, "raised", notice.severity, notice.wording)
    event = AlertRaised(
        alert_id=alert_id,
        alert_type=case.rule.alert_type,
        severity=notice.severity,
        title=notice.wording.title,
        credential=notice.ref,
        raised_at=now,
    )
    await case.desk.bus.emit(event, connection=case.conn)
    await _record(case, Action.ALERT_RAISED, alert_id)


async def _escalate(case: _Case, notice: Notice) -> None:
    """Tell people again; the alert stays the one that was announced on the bus."""
    alert_id = _open(case).id
    await alerts.escalate_alert(case.conn, alert_id, notice, now=case.desk.clock())
    await _deliver(case, alert_id, "escalated", notice.severity, notice.wording)
    await _record(case, Action.ALERT_ESCALATED, alert_id)


async def _resolve(case: _Case, evidence: str) -> None:
    alert, now = _open(case), case.desk.clock()
    await alerts.resolve_alert(case.conn, alert.id, evidence=evidence, now=now)
    await _deliver(case, alert.id, "resolved", alert.severity, settled(alert.ref, evidence))
    event = AlertResolved(alert_id=alert.id, resolved_at=now, evidence=evidence)
    await case.desk.bus.emit(event, connection=case.conn)
    await _record(case, Action.ALERT_RESOLVED, alert.id)


async def _deliver(
    case: _Case, alert_id: UUID, reason: str, severity: Severity, wording: Wording
) -> None:
    await alerts.add_delivery(
        case.conn,
        alert_id,
        channel_id=case.rule.channel_id,
        reason=reason,
        severity=severity,
        wording=wording,
        now=case.desk.clock(),
    )


async def _record(case: _Case, action: Action, alert_id: UUID) -> None:
    entry = AuditEntry(
        action=action,
        actor="alerting",
        subject=str(alert_id),
        correlation_id=case.course,
        scope=case.mark,
    )
    await record(case.conn, entry)


def _open(case: _Case) -> OpenAlert:
    if case.open is None:
        raise AssertionError("Only an open alert is escalated or resolved.")
    return case.open
