"""The rule, the alerts and the deliveries: statements on alerting's own schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.alerting.domain.alert import Standing
from services.alerting.domain.notice import Notice
from services.alerting.domain.wording import Wording
from shared.database import Connection
from shared.events import CredentialRef, ItemKind
from shared.events.alerting import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule for expiring credentials; a rule that is switched off has no steps."""

    id: str
    alert_type: str
    channel_id: str
    steps: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """An open alert's id, what decisions need of it, and what it names."""

    id: UUID
    severity: Severity
    standing: Standing
    ref: CredentialRef


async def get_rule(conn: Connection) -> Rule:
    row = await conn.fetchrow(
        """
        SELECT id, alert_type, channel_id, CASE WHEN enabled THEN steps ELSE '{}' END AS steps
          FROM alerting.rule
         WHERE id = 'expiring-credential'
        """
    )
    if row is None:
        raise LookupError("The seeded rule is missing; run: certifyclouds migrate.")
    return Rule(
        id=row["id"],
        alert_type=row["alert_type"],
        channel_id=row["channel_id"],
        steps=tuple(row["steps"]),
    )


async def lock_fingerprint(conn: Connection, fingerprint: str) -> None:
    """Be the only one to judge this credential until the transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", fingerprint)


async def fingerprint_of(conn: Connection, item_id: int) -> str | None:
    """Return the fingerprint of an item's open alert, if it has one."""
    found: str | None = await conn.fetchval(
        "SELECT fingerprint FROM alerting.alert WHERE item_id = $1 AND state = 'raised'", item_id
    )
    return found


async def get_open(conn: Connection, fingerprint: str) -> OpenAlert | None:
    row = await conn.fetchrow(
        """
        SELECT id, severity, item_id, kind, name, container, subscription_id, expires_on, step
          FROM alerting.alert
         WHERE fingerprint = $1 AND state = 'raised'
        """,
        fingerprint,
    )
    if row is None:
        return None
    return OpenAlert(
        id=row["id"],
        severity=Severity(row["severity"]),
        standing=Standing(item_id=row["item_id"], expires_on=row["expires_on"], step=row["step"]),
        ref=CredentialRef(
            item_id=row["item_id"],
            kind=ItemKind(row["kind"]),
            name=row["name"],
            container=row["container"],
            subscription_id=row["subscription_id"],
        ),
    )


async def add_alert(
    conn: Connection, notice: Notice, *, rule: Rule, fingerprint: str, now: datetime
) -> UUID:
    ref, wording = notice.ref, notice.wording
    alert_id: UUID = await conn.fetchval(
        """
        INSERT INTO alerting.alert (rule_id, fingerprint, severity, title, body, link, item_id,
               kind, name, container, subscription_id, expires_on, step, next_step_at, raised_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        RETURNING id
        """,
        *(rule.id, fingerprint, notice.severity, wording.title, wording.text, wording.link),
        *(ref.item_id, ref.kind, ref.name, ref.container, ref.subscription_id),
        *(notice.expires_on, notice.step, notice.next_step_at, now),
    )
    return alert_id


async def escalate_alert(
    conn: Connection, alert_id: UUID, notice: Notice, *, now: datetime
) -> None:
    ref, wording = notice.ref, notice.wording
    await conn.execute(
        """
        UPDATE alerting.alert
           SET severity = $2, title = $3, body = $4, link = $5, item_id = $6, name = $7,
               expires_on = $8, step = $9, next_step_at = $10, escalated_at = $11
         WHERE id = $1 AND state = 'raised'
        """,
        *(alert_id, notice.severity, wording.title, wording.text, wording.link),
        *(ref.item_id, ref.name),
        *(notice.expires_on, notice.step, notice.next_step_at, now),
    )


async def resolve_alert(conn: Connection, alert_id: UUID, *, evidence: str, now: datetime) -> None:
    await conn.execute(
        """
        UPDATE alerting.alert
           SET state = 'resolved', resolved_at = $2, evidence = $3, next_step_at = NULL
         WHERE id = $1 AND state = 'raised'
        """,
        alert_id,
        now,
        evidence,
    )


async def add_delivery(
    conn: Connection,
    alert_id: UUID,
    *,
    channel_id: str,
    reason: str,
    severity: Severity,
    wording: Wording,
    now: datetime,
) -> None:
    """Put a message in the built-in outbox; being a row there is being delivered."""
    await conn.execute(
        """
        INSERT INTO alerting.delivery (alert_id, channel_id, reason, severity, title, body, link,
               delivered_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        *(alert_id, channel_id, reason, severity),
        *(wording.title, wording.text, wording.link, now),
    )
