"""Passwords, roles, foreign pages, buckets, problems: each rule by its cases."""

from http import HTTPStatus
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain import csrf, problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.problem import FieldError, ProblemError
from services.gateway.domain.rate import Bucket
from services.gateway.domain.role import GRANTS, Permission, Role, allows


def test_every_permission_belongs_to_the_administrator_and_every_role_is_in_the_table() -> None:
    assert set(GRANTS) == set(Role)
    assert all(allows(Role.ADMIN, permission) for permission in Permission)


def test_only_operators_and_administrators_set_things_in_motion() -> None:
    acting = {
        Permission.REQUEST_SCAN,
        Permission.REQUEST_ROTATION,
        Permission.MANAGE_CREDENTIALS,
        Permission.REQUEST_SYNC,
    }
    for permission in acting:
        assert {role for role in Role if allows(role, permission)} == {Role.OPERATOR, Role.ADMIN}
    for permission in (Permission.MANAGE_LICENSE, Permission.MANAGE_POLICIES):
        assert {role for role in Role if allows(role, permission)} == {Role.ADMIN}


def test_whoever_asks_for_a_rotation_or_approves_one_can_make_its_plan_to_read() -> None:
    planning = {role for role in Role if allows(role, Permission.PLAN_ROTATION)}

    assert planning == {Role.OPERATOR, Role.APPROVER, Role.ADMIN}


def test_who_is_not_signed_in_may_only_what_is_open() -> None:
    assert [permission for permission in Permission if allows(None, permission)] == [
        Permission.OPEN
    ]


@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    site=st.sampled_from(["cross-site", "same-site", "none", ""]),
)
def test_only_our_own_pages_act_with_a_cookie(method: str, site: str) -> None:
    def refused(fetch_site: str | None, origin: str | None, media: str | None) -> bool:
        return (
            csrf.refusal(
                method=method,
                content_type=media,
                fetch_site=fetch_site,
                origin=origin,
                own_origin="https://certify.example",
            )
            is not None
        )

    json = "application/json; charset=utf-8"
    assert refused(site, "https://certify.example", json)
    assert refused(None, None, json)
    assert refused(None, "https://evil.example", json)
    assert refused("same-origin", None, None)
    assert refused("same-origin", None, "text/plain")
    assert not refused("same-origin", None, json)
    assert not refused(None, "HTTPS://certify.example", json)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_not_acting(method: str) -> None:
    refusal = csrf.refusal(
        method=method, content_type=None, fetch_site="cross-site", origin=None, own_origin=""
    )

    assert refusal is None


def test_a_bucket_says_what_is_left_and_when_to_come_back() -> None:
    empty = Bucket(tokens=0.4, refused=True, capacity=10, per_second=10 / 60)

    assert empty.retry_after == 4
    assert empty.headers == {
        "ratelimit-limit": "10",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "58",
    }
    full = Bucket(tokens=0.99999999999, refused=True, capacity=10, per_second=1)
    assert full.retry_after == 1


def test_a_problem_says_what_and_where_and_nothing_else() -> None:
    error = ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        "No.",
        (FieldError(pointer="/body", detail="x"),),
    )

    document = error.document("11111111-1111-4111-8111-111111111111")

    assert document == {
        "type": "urn:certifyclouds:problem:invalid",
        "title": HTTPStatus.UNPROCESSABLE_ENTITY.phrase,
        "status": 422,
        "detail": "No.",
        "code": "invalid",
        "instance": "urn:uuid:11111111-1111-4111-8111-111111111111",
        "errors": [{"pointer": "/body", "detail": "x"}],
    }
    assert "errors" not in problem.not_found("scan").document("1")


BUCKET = Bucket(tokens=0, refused=True, capacity=1, per_second=1)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (problem.not_signed_in(), 401, "/api/v1/auth/login"),
        (problem.sign_in_refused(), 401, "15 minutes"),
        (problem.setup_refused(), 401, "each start"),
        (problem.foreign_page("Because."), 403, "Because"),
        (problem.forbidden("viewer", "request_scan"), 403, "ask an administrator"),
        (problem.too_many(BUCKET), 429, "try again in 1 s"),
        (problem.not_found("item"), 404, "no such item"),
        (problem.wrong_parameter("sort", "use name."), 422, "“sort”"),
        (problem.invalid("Wrong."), 422, "Wrong"),
        (problem.key_reused(), 422, "choose a new one"),
        (problem.not_built("Rotation"), 501, "nothing was done"),
        (problem.unavailable("Away."), 503, "Away"),
        (problem.internal("id-1"), 500, "id-1"),
    ],
)
def test_every_refusal_is_a_sentence_that_says_what_to_do(
    error: ProblemError, status: int, words: str
) -> None:
    assert error.status == status
    assert words in error.detail
    assert error.detail.endswith(".")


def test_a_callers_network_is_what_limits_count() -> None:
    caller = Caller(
        address=ip_address("2001:db8::1"), is_https=True, own_origin="https://x", user_agent=""
    )

    assert caller.network == "2001:db8::/64"
