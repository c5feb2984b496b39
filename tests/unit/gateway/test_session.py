"""A session's life, its tokens' and its keys'."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.gateway.domain.role import Role
from services.gateway.domain.session import (
    IDLE,
    LIFETIME,
    Carrier,
    Claims,
    Ended,
    Session,
    ending,
    in_time,
    needs_touch,
)
from services.gateway.domain.signing_key import SIGNS_FOR, is_accepted, signs

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SESSION = Session(
    id=uuid4(),
    user_id=uuid4(),
    username="ada",
    role=Role.VIEWER,
    carrier=Carrier.BEARER,
    created_at=NOW,
    expires_at=NOW + LIFETIME,
    last_seen_at=NOW,
)


@pytest.mark.parametrize(
    ("session", "now", "expected"),
    [
        (SESSION, NOW, None),
        (SESSION, NOW + IDLE - SECOND, None),
        (SESSION, NOW + IDLE, Ended.IDLE),
        (replace(SESSION, last_seen_at=NOW + LIFETIME - SECOND), NOW + LIFETIME, Ended.EXPIRED),
        (replace(SESSION, revoked_at=NOW), NOW, Ended.REVOKED),
        (replace(SESSION, user_disabled=True), NOW, Ended.USER_DISABLED),
        (replace(SESSION, carrier=Carrier.COOKIE), NOW, Ended.WRONG_CARRIER),
    ],
)
def test_a_session_ends_for_a_reason(
    session: Session, now: datetime, expected: Ended | None
) -> None:
    assert ending(session, Carrier.BEARER, now) is expected


def test_a_tokens_instants_hold_with_five_seconds_of_leeway() -> None:
    claims = Claims(
        session_id=uuid4(), user_id=uuid4(), issued_at=NOW, expires_at=NOW + timedelta(hours=1)
    )

    assert in_time(claims, NOW - 5 * SECOND)
    assert not in_time(claims, NOW - 6 * SECOND)
    assert in_time(claims, NOW + timedelta(hours=1) + 4 * SECOND)
    assert not in_time(claims, NOW + timedelta(hours=1) + 5 * SECOND)


def test_use_is_recorded_once_a_minute() -> None:
    assert not needs_touch(SESSION, NOW + 59 * SECOND)
    assert needs_touch(SESSION, NOW + 60 * SECOND)


def test_a_key_signs_for_ninety_days_and_is_accepted_until_its_last_token_has_ended() -> None:
    assert signs(NOW, NOW + SIGNS_FOR - SECOND)
    assert not signs(NOW, NOW + SIGNS_FOR)
    last_token_ends = NOW + SIGNS_FOR - SECOND + LIFETIME
    assert is_accepted(NOW, last_token_ends + 4 * SECOND)
    assert not is_accepted(NOW, last_token_ends + 6 * SECOND)
