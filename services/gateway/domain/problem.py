"""Refusals as RFC 9457 problem documents: what is wrong, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from services.gateway.domain.rate import Bucket

MEDIA_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:certifyclouds:problem:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One wrong field: where (a JSON pointer, RFC 6901, from `/body`, `/query`, …) and why."""

    pointer: str
    detail: str


@dataclass(eq=False)
class ProblemError(Exception):
    """A refusal; whoever raises it says what to do in `detail`.

    `code` is a word for programs. `headers` go with the answer.
    """

    status: HTTPStatus
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the body of the answer; `request_id` finds the request in the logs."""
        found: dict[str, Any] = {
            "type": _TYPE + self.code,
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
            "instance": f"urn:uuid:{request_id}",
        }
        if self.errors:
            found["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return found


def not_signed_in() -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "not-signed-in",
        "Sign in first: POST /api/v1/auth/login. A session ends after 8 hours, or 60 minutes"
        " without use.",
        headers={"www-authenticate": 'Bearer realm="certifyclouds"'},
    )


def sign_in_refused() -> ProblemError:
    """One answer for a wrong name, a wrong password, a disabled and a locked account."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "sign-in-refused",
        "Name and password do not fit, or signing in is paused: after five failures an account"
        " waits 15 minutes.",
        headers={"www-authenticate": 'Bearer realm="certifyclouds"'},
    )


def setup_refused() -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "set-up-refused",
        "This set-up token does not work: it was used, is too old or mistyped. While there is no"
        " administrator, each start of the gateway makes a new one.",
        headers={"www-authenticate": 'Bearer realm="certifyclouds"'},
    )


def foreign_page(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "foreign-page", why)


def forbidden(role: str, permission: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "not-allowed",
        f"Your role ({role}) does not include “{permission}”; ask an administrator.",
    )


def name_taken(username: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "name-taken",
        f"Somebody has, or had, the name “{username}”; the audit log needs another one.",
    )


def changed_meanwhile() -> ProblemError:
    return ProblemError(
        HTTPStatus.PRECONDITION_FAILED,
        "changed-meanwhile",
        "Somebody changed it since you looked (If-Match does not fit); look again, then decide.",
    )


def not_yours(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "not-allowed", why)


def approval_refused(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, "approval-refused", why)


def rotation_refused(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, "rotation-refused", why)


def approval_needed(where: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "approval-needed",
        f"Somebody else must approve this first: ask with POST {where}, then repeat this with the"
        " “approval” of the answer.",
    )


def confirm_first() -> ProblemError:
    """Ask for the password again before an act that an unattended screen must not allow."""
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "confirm-first",
        "Give your password again (POST /api/v1/auth/confirm), then repeat this within 5 minutes.",
    )


def confirmation_refused() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "confirmation-refused",
        "This is not your password, or signing in is paused: after five failures an account waits"
        " 15 minutes.",
    )


def code_missing() -> ProblemError:
    detail = "Send the code that your device shows as “code” too, or one of your recovery codes."
    return ProblemError(HTTPStatus.FORBIDDEN, "second-factor-needed", detail)


def password_must_change() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "password-must-change",
        "Somebody else knows your password: choose your own first (POST /api/v1/auth/password).",
    )


def second_factor_needed() -> ProblemError:
    """Ask for the code; only somebody who knows the password is told that there is one."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "second-factor-needed",
        "Send the code that your device shows as “code” too, or one of your recovery codes.",
        headers={"www-authenticate": 'Bearer realm="certifyclouds"'},
    )


def second_factor_must_be_set() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "second-factor-must-be-set",
        "A second factor is asked for here: add yours first (POST /api/v1/auth/second-factor).",
    )


def has_second_factor() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "has-second-factor",
        "You have a second factor; remove it first (DELETE /api/v1/auth/second-factor).",
    )


def no_offer() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "nothing-to-confirm",
        "No second factor waits for its first code; ask for one: POST /api/v1/auth/second-factor.",
    )


def wrong_code() -> ProblemError:
    detail = "The code does not fit; is your device's clock right? Wait for the next code."
    return invalid(detail, (FieldError(pointer="/body/code", detail=detail),))


def token_lacks(permission: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "not-allowed",
        f"This API token does not include “{permission}”; some acts ask for a person's session.",
    )


def no_such_token_permission(permission: str) -> ProblemError:
    detail = f"“{permission}” is not in your role, or asks for a person's session."
    return invalid(detail, (FieldError(pointer="/body/permissions", detail=detail),))


def token_name_taken(name: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "name-taken",
        f"You have a token “{name}”; revoke it first, or choose another name.",
    )


def outside_scope() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        "outside-scope",
        "This is about the whole estate, and you see a part of it; ask an administrator.",
    )


def too_many(bucket: Bucket) -> ProblemError:
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-requests",
        f"Too many requests; try again in {bucket.retry_after} s.",
        headers={"retry-after": str(bucket.retry_after), **bucket.headers},
    )


def not_found(what: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"There is no such {what}.")


def wrong_parameter(name: str, detail: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "wrong-parameter",
        f"The parameter “{name}” cannot be used: {detail}",
        errors=(FieldError(pointer=f"/query/{name}", detail=detail),),
    )


def invalid(detail: str, errors: Sequence[FieldError] = ()) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, errors)


def key_reused() -> ProblemError:
    return invalid("This Idempotency-Key was used for another request; choose a new one.")


def not_built(what: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.NOT_IMPLEMENTED,
        "not-implemented",
        f"{what} is not part of this release; nothing was done.",
    )


def unavailable(detail: str, retry_after: int = 5) -> ProblemError:
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        detail,
        headers={"retry-after": str(retry_after)},
    )


def internal(error_id: str) -> ProblemError:
    """Nothing of what went wrong inside leaves; the id finds it in the logs."""
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        f"Something went wrong here, and was logged as {error_id}.",
    )
