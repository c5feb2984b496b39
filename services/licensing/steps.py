"""Telling the others what is allowed: the fact and its event in one transaction."""

from dataclasses import dataclass

from services.licensing import store
from services.licensing.domain.evaluation import begin, granted, is_news
from shared.audit import Action, AuditEntry, record
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Connection, Pool
from shared.events import LicenseChanged
from shared.events.licensing import LicenseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What licensing works with."""

    pool: Pool
    bus: Bus
    clock: Clock


async def announce(desk: Desk, conn: Connection, *, asked: bool) -> None:
    """Publish the licence's state if it is news, or if somebody asked."""
    now = desk.clock()
    evaluation = await store.claim_evaluation(conn, begin(now))
    grant = granted(evaluation, now)
    if not (asked or is_news(evaluation, grant)):
        return
    if is_news(evaluation, grant):
        await store.save_announced(conn, grant.state)
        await record(conn, _entry(evaluation.announced, grant.state))
    event = LicenseChanged(
        state=grant.state, features=grant.features, valid_until=grant.valid_until
    )
    await desk.bus.emit(event, connection=conn)


def _entry(before: LicenseState | None, after: LicenseState) -> AuditEntry:
    return AuditEntry(
        action=Action.LICENSE_CHANGED,
        actor="licensing",
        subject="licence",
        before=before,
        after=after,
    )
