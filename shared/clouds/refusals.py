"""What an answer other than success means, in words that a person understands.

Codes: Azure Key Vault REST API error codes; Azure Resource Manager common errors; Microsoft Graph
error responses. An answer's message is read to recognise it and never repeated.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import orjson

from shared.clouds.deeds import Deed, What, deed
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

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,63}")
_DEPTH: Final = 5
_FIREWALL: Final = ("ForbiddenByFirewall", "ForbiddenByConnection")
_FIREWALL_WORDS: Final = (
    "client address is not authorized",
    "public network access is disabled",
    "not from a trusted service",
)
_ROLE: Final = ("ForbiddenByRbac", "AuthorizationFailed", "Authorization_RequestDenied")
_ROLE_WORDS: Final = ("not authorized to perform action", "does not have authorization")
_POLICY: Final = ("ForbiddenByPolicy", "AccessDenied")
_POLICY_WORDS: Final = (
    "does not have secrets list permission",
    "does not have secrets get permission",
    "does not have secrets set permission",
    "does not have keys list permission",
    "does not have certificates list permission",
)
_FIREWALL_REMEDY: Final = (
    "Allow the network that CertifyClouds runs in on this vault's firewall, or give the vault a"
    " private endpoint there."
)


def refusal(
    what: What,
    audience: str,
    status: int,
    body: bytes,
    wait: float | None = None,
    answered_at: datetime | None = None,
) -> CloudError:
    """Return the error for an answer with this status.

    `what` is what was asked for; `audience` is `vault`, `arm` or `graph`; `wait` is the wait in
    seconds that the answer named, `answered_at` when it did.
    """
    asked = deed(what)
    codes, words = _read(body)
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessDeniedError(
            f"The service does not accept this identity's token to {asked.to_do}{_named(codes)}.",
            denial=Denial.TOKEN,
            remedy=f"Check that this belongs to the same Entra tenant as {asked.actor.name}, and"
            " that CLOUD names the cloud they are in.",
        )
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(asked, audience, codes, words)
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(
            f"Azure does not know {asked.unknown}{_named(codes)}.",
            remedy="It may have been deleted.",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _throttled(asked, wait, answered_at)
    return _other(asked, status, codes, wait)


def codes_of(body: bytes) -> frozenset[str]:
    """Return the codes in an answer's error, whatever their order."""
    return frozenset(_read(body)[0])


def words_of(body: bytes) -> str:
    """Return an answer's message in lower case: to be recognised, and never to be repeated."""
    return _read(body)[1]


def _throttled(asked: Deed, wait: float | None, answered_at: datetime | None) -> ThrottledError:
    sentence = f"Azure asked to slow down while {asked.doing}"
    if wait and answered_at:
        back = answered_at.astimezone(UTC) + timedelta(seconds=wait)
        sentence += f", and not to come back before {back:%Y-%m-%d %H:%M:%S} UTC"
    return ThrottledError(f"{sentence}.", remedy=asked.actor.slower, retry_after=wait)


def _other(asked: Deed, status: int, codes: list[str], wait: float | None) -> CloudError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return UnavailableError(
            f"The service failed with status {status} while {asked.doing}{_named(codes)}.",
            remedy="It is tried again later.",
            retry_after=wait,
        )
    return UnexpectedAnswerError(
        f"The service answered with status {status} to a request to {asked.to_do}{_named(codes)}.",
        remedy="Check that nothing between here and Azure changes requests (a proxy, a redirect).",
    )


def _forbidden(asked: Deed, audience: str, codes: list[str], words: str) -> CloudError:
    if _is(_FIREWALL, codes) or _says(_FIREWALL_WORDS, words):
        return FirewalledError(
            f"The firewall does not let this network {asked.to_do}.", remedy=_FIREWALL_REMEDY
        )
    if _is(_ROLE, codes) or _says(_ROLE_WORDS, words):
        return AccessDeniedError(
            f"No role of this identity allows it to {asked.to_do}.",
            denial=Denial.ROLE,
            remedy=asked.actor.grants[audience],
        )
    if _is(_POLICY, codes) or _says(_POLICY_WORDS, words):
        return AccessDeniedError(
            f"No access policy allows this identity to {asked.to_do}.",
            denial=Denial.ACCESS_POLICY,
            remedy=asked.actor.policy,
        )
    return AccessDeniedError(
        f"This identity may not {asked.to_do}{_named(codes)}.",
        denial=Denial.UNKNOWN,
        remedy=asked.actor.grants[audience],
    )


def _is(wanted: tuple[str, ...], codes: list[str]) -> bool:
    return any(code in wanted for code in codes)


def _says(wanted: tuple[str, ...], words: str) -> bool:
    return any(phrase in words for phrase in wanted)


def _named(codes: list[str]) -> str:
    """Return the most exact code in brackets; the service's message stays where it is."""
    return f" ({codes[-1]})" if codes else ""


def _read(body: bytes) -> tuple[list[str], str]:
    """Return the answer's codes, outermost first, and its message in lower case."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [], ""
    parts = list(_nested(answer))
    codes = [code for part in parts if isinstance(code := part.get("code"), str)]
    messages = [text for part in parts if isinstance(text := part.get("message"), str)]
    return [code for code in codes if _CODE.fullmatch(code)], " ".join(messages).lower()


def _nested(answer: object) -> Iterator[Mapping[str, object]]:
    """Yield an error and the errors inside it: `error`, then `innererror` of `innererror`."""
    part = answer.get("error") if isinstance(answer, dict) else None
    for _ in range(_DEPTH):
        if not isinstance(part, dict):
            return
        yield part
        part = part.get("innererror") or part.get("innerError")
