"""Who a token names, read on this machine, without a word of the token in any error."""

import base64
import json

import pytest

from services.scanner.adapters.permission_token import identity_of
from shared.clouds.claims import claims_of
from shared.clouds.errors import UnexpectedAnswerError

ARM = {"oid": "me", "appid": "client", "tid": "tenant"}


def token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{payload}.canary-signature"


@pytest.mark.parametrize("length", range(8))
def test_claims_are_read_whatever_their_length(length: int) -> None:
    assert claims_of(token({"oid": "x" * length})) == {"oid": "x" * length}


@pytest.mark.parametrize(
    "broken", ["canary", "canary.canary", "canary.!!.x", "canary.bm90anNvbg.x", token(["canary"])]
)
def test_a_token_that_cannot_be_read_is_an_error_that_repeats_nothing_of_it(broken: str) -> None:
    with pytest.raises(UnexpectedAnswerError) as failed:
        claims_of(broken)

    assert "canary" not in f"{failed.value} {failed.value.remedy}"
    assert failed.value.__cause__ is None


@pytest.mark.parametrize("oid", [None, "", 7])
def test_a_token_that_names_nobody_is_an_error(oid: object) -> None:
    with pytest.raises(UnexpectedAnswerError, match="does not say whose"):
        identity_of({**ARM, "oid": oid}, None)


def test_an_applications_token_tells_its_roles_in_microsoft_graph() -> None:
    found = identity_of(ARM, {"roles": ["Application.Read.All"]})

    assert (found.object_id, found.client_id, found.tenant_id) == ("me", "client", "tenant")
    assert found.is_application
    assert found.graph_roles == {"Application.Read.All"}


def test_a_token_of_the_second_version_names_its_client_elsewhere() -> None:
    assert identity_of({"oid": "me", "azp": "client-2"}, None).client_id == "client-2"


def test_an_application_without_any_role_has_none() -> None:
    assert identity_of(ARM, {}).graph_roles == frozenset()


@pytest.mark.parametrize("graph", [None, {"scp": "User.Read", "roles": ["x"]}])
def test_roles_that_no_token_tells_are_unknown_and_not_none(graph: dict[str, object]) -> None:
    assert identity_of(ARM, graph).graph_roles is None


def test_a_persons_token_is_known_by_its_scopes() -> None:
    assert not identity_of({**ARM, "scp": "user_impersonation"}, None).is_application


def test_groups_are_told_in_small_letters() -> None:
    assert identity_of({**ARM, "groups": ["G-1"]}, None).groups == {"g-1"}


@pytest.mark.parametrize(
    "more",
    [{}, {"groups": ["a"], "hasgroups": True}, {"groups": [], "_claim_names": {"groups": 1}}],
)
def test_groups_that_are_not_all_told_are_unknown(more: dict[str, object]) -> None:
    assert identity_of({**ARM, **more}, None).groups is None
