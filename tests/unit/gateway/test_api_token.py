"""Tokens for programs: their form, and when they are good."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.api_token import (
    ApiToken,
    as_session,
    is_whole,
    needs_touch,
    new_token,
    works,
)
from services.gateway.domain.role import Permission, Role
from services.gateway.domain.session import is_fresh, may

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = ip_address("203.0.113.5")
TOKEN = ApiToken(
    id=uuid4(),
    user_id=uuid4(),
    username="grace",
    role=Role.OPERATOR,
    scope="sub:a",
    user_disabled=False,
    must_change_password=False,
    name="ci",
    permissions=frozenset({Permission.READ_INVENTORY, Permission.MANAGE_THRESHOLDS}),
    networks=("203.0.113.0/24", "2001:db8::/64"),
    created_at=NOW,
    expires_at=NOW + timedelta(days=90),
)


def test_tokens_are_whole_and_never_the_same() -> None:
    made = [new_token() for _ in range(100)]

    assert all(is_whole(text) for text in made)
    assert len(set(made)) == 100


@given(st.integers(min_value=0, max_value=54), st.characters())
def test_a_mistyped_token_is_told_by_its_checksum(at: int, typed: str) -> None:
    token = new_token()
    mistyped = token[:at] + typed + token[at + 1 :]

    assert is_whole(mistyped) == (mistyped == token)


@given(st.text())
def test_anything_else_is_no_token(text: str) -> None:
    assert not is_whole(text)


@pytest.mark.parametrize(
    ("token", "address", "at", "good"),
    [
        (TOKEN, HOME, NOW, True),
        (TOKEN, ip_address("2001:db8::9"), NOW, True),
        (TOKEN, ip_address("198.51.100.1"), NOW, False),
        (TOKEN, None, NOW, True),
        (replace(TOKEN, networks=()), ip_address("198.51.100.1"), NOW, True),
        (replace(TOKEN, user_disabled=True), HOME, NOW, False),
        (replace(TOKEN, revoked_at=NOW), HOME, NOW, False),
        (TOKEN, HOME, TOKEN.expires_at - timedelta(seconds=1), True),
        (TOKEN, HOME, TOKEN.expires_at, False),
    ],
)
def test_a_token_is_good_for_a_time_and_from_its_networks(
    token: ApiToken, address: object, at: datetime, good: bool
) -> None:
    assert works(token, address, at) is good  # type: ignore[arg-type]


def test_whoever_acts_through_a_token_may_what_both_token_and_role_include() -> None:
    session = as_session(TOKEN)

    assert session.username == "grace/ci"
    assert session.scope == "sub:a"
    assert may(session, Permission.READ_INVENTORY)
    assert may(session, Permission.READ_SELF)
    assert not may(session, Permission.MANAGE_THRESHOLDS), "the role does not include it"
    assert not may(session, Permission.REQUEST_SCAN), "the token does not include it"
    assert not may(session, Permission.OWN_SESSION)
    assert not is_fresh(session, NOW), "nobody gave a password"


def test_the_use_of_a_token_is_noted_once_a_minute() -> None:
    used = replace(TOKEN, last_used_at=NOW)

    assert needs_touch(TOKEN, NOW)
    assert not needs_touch(used, NOW + timedelta(seconds=59))
    assert needs_touch(used, NOW + timedelta(seconds=60))
