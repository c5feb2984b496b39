"""What an answer other than success means."""

import orjson
import pytest

from shared.clouds.deeds import ADD, ROTATOR, WRITE, Deed
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    Denial,
    FirewalledError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
    UnexpectedAnswerError,
)
from shared.clouds.refusals import codes_of, refusal, words_of
from shared.errors import PermanentError, TransientError

WHAT = "the secrets of vault kv-1"


def vault_error(code: str, inner: str | None = None, message: str = "canary-text") -> bytes:
    error: dict[str, object] = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return orjson.dumps({"error": error})


@pytest.mark.parametrize(
    ("body", "denial"),
    [
        (vault_error("Forbidden", "ForbiddenByRbac"), Denial.ROLE),
        (
            vault_error(
                "Forbidden",
                message="Caller is not authorized to perform action on resource.\r\ncanary-text",
            ),
            Denial.ROLE,
        ),
        (vault_error("AuthorizationFailed"), Denial.ROLE),
        (vault_error("Authorization_RequestDenied"), Denial.ROLE),
        (vault_error("Forbidden", "ForbiddenByPolicy"), Denial.ACCESS_POLICY),
        (vault_error("Forbidden", "AccessDenied"), Denial.ACCESS_POLICY),
        (
            vault_error(
                "Forbidden",
                message="The user, group or application 'canary-text' does not have secrets list"
                " permission on key vault 'kv-1;location=westeurope'.",
            ),
            Denial.ACCESS_POLICY,
        ),
        (vault_error("Forbidden"), Denial.UNKNOWN),
        (b"<html>canary-text</html>", Denial.UNKNOWN),
        (b"", Denial.UNKNOWN),
        (b"[]", Denial.UNKNOWN),
        (b'{"error": "canary-text"}', Denial.UNKNOWN),
        (b'{"error": {"code": 7, "message": null}}', Denial.UNKNOWN),
    ],
)
def test_a_denial_says_which_grant_is_missing(body: bytes, denial: Denial) -> None:
    error = refusal(WHAT, "vault", 403, body)

    assert isinstance(error, AccessDeniedError)
    assert error.denial is denial
    assert WHAT in str(error)
    assert "List permission" in error.remedy or "Key Vault Reader" in error.remedy
    assert "canary" not in str(error) + error.remedy


@pytest.mark.parametrize(
    ("audience", "grant"),
    [("vault", "Key Vault Reader"), ("arm", "Reader"), ("graph", "Application.Read.All")],
)
def test_the_remedy_names_the_role_of_that_service(audience: str, grant: str) -> None:
    error = refusal(WHAT, audience, 403, vault_error("AuthorizationFailed"))

    assert grant in error.remedy


@pytest.mark.parametrize(
    "body",
    [
        vault_error("Forbidden", "ForbiddenByFirewall"),
        vault_error("Forbidden", "ForbiddenByConnection"),
        vault_error("Forbidden", message="Client address is not authorized. canary-text"),
        vault_error("Forbidden", message="Public network access is disabled and canary-text"),
    ],
)
def test_a_firewall_is_told_apart_from_a_missing_grant(body: bytes) -> None:
    error = refusal(WHAT, "vault", 403, body)

    assert isinstance(error, FirewalledError)
    assert "private endpoint" in error.remedy


def test_a_token_that_is_not_accepted_points_to_the_tenant() -> None:
    error = refusal(WHAT, "vault", 401, vault_error("Unauthorized"))

    assert isinstance(error, AccessDeniedError)
    assert error.denial is Denial.TOKEN
    assert "tenant" in error.remedy


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (404, NotFoundError, PermanentError),
        (429, ThrottledError, TransientError),
        (408, UnavailableError, TransientError),
        (500, UnavailableError, TransientError),
        (502, UnavailableError, TransientError),
        (503, UnavailableError, TransientError),
        (599, UnavailableError, TransientError),
        (302, UnexpectedAnswerError, PermanentError),
        (204, UnexpectedAnswerError, PermanentError),
        (400, UnexpectedAnswerError, PermanentError),
        (409, UnexpectedAnswerError, PermanentError),
        (418, UnexpectedAnswerError, PermanentError),
    ],
)
def test_a_status_says_whether_trying_again_helps(
    status: int, kind: type[CloudError], again: type[Exception]
) -> None:
    error = refusal(WHAT, "vault", status, vault_error("VaultNotFound"))

    assert type(error) is kind
    assert isinstance(error, again)
    assert WHAT in str(error)
    assert error.remedy
    assert "canary" not in str(error)


def test_the_wait_that_was_named_is_kept() -> None:
    assert refusal(WHAT, "vault", 429, b"", 17.0).retry_after == 17.0
    assert refusal(WHAT, "vault", 503, b"", 3.0).retry_after == 3.0
    assert refusal(WHAT, "vault", 429, b"").retry_after is None


@pytest.mark.parametrize(
    "code", ["eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQi.x", "a b", "x" * 65, "7"]
)
def test_a_code_of_another_form_than_azures_is_not_repeated(code: str) -> None:
    assert code not in str(refusal(WHAT, "vault", 404, vault_error(code)))


def test_the_most_exact_code_is_named() -> None:
    body = {"error": {"code": "A", "innerError": {"code": "Bb", "innererror": {"code": "Exact"}}}}

    assert "(Exact)" in str(refusal(WHAT, "graph", 404, orjson.dumps(body)))


def test_errors_nested_without_end_are_read_to_a_depth() -> None:
    body: dict[str, object] = {"code": "Deepest"}
    for _ in range(50):
        body = {"code": "Outer", "innererror": body}

    assert "(Outer)" in str(refusal(WHAT, "vault", 404, orjson.dumps({"error": body})))


ADDING = Deed("a client secret of application a", ADD, ROTATOR, inside="application a")
WRITING = Deed("the secret “db” of kv-1.vault.azure.net", WRITE, ROTATOR)


@pytest.mark.parametrize(
    ("what", "audience", "status", "sentence", "remedy"),
    [
        (
            ADDING,
            "graph",
            403,
            "No role of this identity allows it to add a client secret of application a.",
            "Application.ReadWrite.OwnedBy",
        ),
        (ADDING, "graph", 404, "Azure does not know application a (AuthorizationFailed).", "It"),
        (
            WRITING,
            "vault",
            403,
            "No role of this identity allows it to write the secret “db” of kv-1.vault.azure.net.",
            "Key Vault Secrets Officer",
        ),
        (
            WRITING,
            "vault",
            401,
            (
                "The service does not accept this identity's token to write the secret “db” of"
                " kv-1.vault.azure.net (AuthorizationFailed)."
            ),
            "the identity that rotates",
        ),
        (
            WRITING,
            "vault",
            429,
            "Azure asked to slow down while writing the secret “db” of kv-1.vault.azure.net.",
            "not before the time",
        ),
    ],
)
def test_what_rotating_was_doing_is_said_with_what_its_own_identity_needs(
    what: Deed, audience: str, status: int, sentence: str, remedy: str
) -> None:
    error = refusal(what, audience, status, vault_error("AuthorizationFailed"))

    assert str(error) == sentence
    assert remedy in error.remedy
    assert "discovers" not in error.remedy
    assert "scan" not in error.remedy


@pytest.mark.parametrize("permission", ["get", "set"])
def test_an_access_policy_without_a_permission_to_rotate_is_recognised_by_its_words(
    permission: str,
) -> None:
    message = f"The application 'canary-text' does not have secrets {permission} permission on it."

    error = refusal(WRITING, "vault", 403, vault_error("Forbidden", message=message))

    assert isinstance(error, AccessDeniedError)
    assert error.denial is Denial.ACCESS_POLICY
    assert "Get, List and Set" in error.remedy


def test_codes_and_words_of_an_answer_can_be_recognised() -> None:
    body = vault_error("Forbidden", "SecretDisabled", "Some Words.")

    assert codes_of(body) == {"Forbidden", "SecretDisabled"}
    assert words_of(body) == "some words."
