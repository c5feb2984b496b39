"""A rule on thresholds is set, or taken back: the rule, its audit entry and the work it makes."""

from services.scanner.domain.rule import Pair, Rule
from services.scanner.store import thresholds
from services.scanner.store.locks import lock_rules
from shared.audit import Action, AuditEntry, record
from shared.bus import Message
from shared.database import Connection
from shared.errors import PermanentError
from shared.events import ThresholdChangeRequested


async def change_threshold(
    conn: Connection, event: ThresholdChangeRequested, message: Message
) -> bool:
    """Store the rule and note whose items it judges anew; False when a later request was first.

    Raises `PermanentError` with a sentence for a rule that cannot be meant.
    """
    rule = _rule(event)
    await lock_rules(conn, to_change=True)
    if not await thresholds.save_rule(
        conn,
        rule,
        requested_by=event.requested_by,
        asked_at=message.time,
        message_id=message.id,
    ):
        return False
    await thresholds.add_backlog(conn, rule)
    await record(conn, _entry(rule, event.requested_by, message))
    return True


def _rule(event: ThresholdChangeRequested) -> Rule:
    try:
        return Rule(
            scope=event.scope,
            name=event.name,
            days=_pair(event.warning_days, event.critical_days, "days"),
            percent=_pair(event.warning_percent, event.critical_percent, "percentages"),
        )
    except ValueError as error:
        raise PermanentError(f"The rule was not stored. {error}") from None


def _pair(warning: int | None, critical: int | None, unit: str) -> Pair | None:
    if warning is None and critical is None:
        return None
    if warning is None or critical is None:
        raise ValueError(f"The warning and the critical {unit} are set together, or neither.")
    return warning, critical


def _entry(rule: Rule, requested_by: str, message: Message) -> AuditEntry:
    days = "{} and {} days".format(*rule.days) if rule.days else None
    percent = "{} and {} %".format(*rule.percent) if rule.percent else None
    return AuditEntry(
        action=Action.THRESHOLD_CHANGED,
        actor=requested_by,
        subject=rule.name or "everything",
        correlation_id=message.correlation_id,
        scope=rule.scope.value,
        after=", ".join(filter(None, (days, percent))) or "as the wider scopes say",
    )
