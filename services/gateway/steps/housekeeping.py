"""Forgetting what has no use any more; every replica may do it, and nothing depends on it."""

from datetime import timedelta
from typing import Final

from services.gateway.domain.lockout import FORGET_AFTER, LOCKED_FOR
from services.gateway.store import api_tokens, approvals, limits, live_events, requests, sessions
from shared.clock import Clock
from shared.database import Pool

EVENTS_KEPT: Final = timedelta(days=7)
SESSIONS_KEPT: Final = timedelta(days=30)
APPROVALS_KEPT: Final = timedelta(days=400)
KEYS_KEPT: Final = timedelta(hours=24)
SCAN_REQUESTS_KEPT: Final = timedelta(days=30)


async def tidy(pool: Pool, clock: Clock) -> None:
    """Delete old live events, ended sessions and tokens, used-up limits, idempotency keys; once."""
    now = clock()
    await live_events.delete_events(pool, before=now - EVENTS_KEPT)
    await sessions.delete_sessions(pool, ended_before=now - SESSIONS_KEPT)
    await api_tokens.delete_api_tokens(pool, ended_before=now - SESSIONS_KEPT)
    await approvals.forget_approvals(pool, before=now - APPROVALS_KEPT)
    await limits.forget_limits(pool, before=now - max(FORGET_AFTER, LOCKED_FOR))
    await requests.forget_requests(
        pool, keys_before=now - KEYS_KEPT, scans_before=now - SCAN_REQUESTS_KEPT
    )
