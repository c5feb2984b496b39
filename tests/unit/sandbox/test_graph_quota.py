"""Graph's resource units, as its documentation counts them."""

import pytest

from sandbox.directory.quota import Quota, cost

APPLICATIONS, PRINCIPALS = "/v1.0/applications", "/v1.0/servicePrincipals"
ALL = {"$top": "999", "$select": "id"}


@pytest.mark.parametrize(
    ("path", "query", "units"),
    [
        (APPLICATIONS, {}, 2),
        (APPLICATIONS, {"$select": "id"}, 1),
        (APPLICATIONS, {"$expand": "owners"}, 3),
        (APPLICATIONS, {"$expand": "owners", "$select": "id"}, 2),
        (APPLICATIONS, {"$top": "5"}, 1),
        (PRINCIPALS, {}, 1),
        (PRINCIPALS, {"$select": "id", "$top": "5"}, 1),
    ],
)
def test_a_request_costs_what_the_documentation_says(
    path: str, query: dict[str, str], units: int
) -> None:
    assert cost(path, query) == units


def test_nothing_is_counted_unless_it_is_switched_on() -> None:
    quota = Quota()

    assert [quota.take("me", APPLICATIONS, {}) for _ in range(5_000)] == [0.0] * 5_000


def test_a_caller_beyond_its_units_waits_and_others_do_not() -> None:
    quota = Quota()
    assert quota.switch("S", None) == 3_500

    quota.switch(None, 2)

    assert quota.take("me", APPLICATIONS, {}) == 0
    assert quota.take("me", APPLICATIONS, {}) >= 1
    assert quota.take("you", APPLICATIONS, {}) == 0
    assert quota.switch(None, None) is None
    assert quota.take("me", APPLICATIONS, {}) == 0


def test_asking_for_keys_has_a_limit_of_its_own() -> None:
    quota = Quota()
    quota.switch("L", None)
    keys = {"$select": "id,keyCredentials"}

    assert [quota.take("me", PRINCIPALS, keys) for _ in range(150)] == [0.0] * 150
    assert quota.take("me", PRINCIPALS, keys) >= 1
    assert quota.take("me", PRINCIPALS, ALL) == 0
