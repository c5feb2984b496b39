"""What it means when Microsoft Graph does not make a change to an application.

Microsoft Graph, "Error responses"; the codes of app management policies are in "Application
authentication methods API overview". A message is read to recognise it and never repeated.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from services.rotator.ports import BusyError
from shared.clouds import CloudClient
from shared.clouds.deeds import Deed
from shared.clouds.errors import CloudError, RejectedError
from shared.clouds.refusals import codes_of, words_of
from shared.clouds.session import Answer

_CONCURRENT: Final = "concurrent requests"
_ABSENT: Final = "no password credential found with keyid"
_FULL_WORDS: Final = "only add a maximum of"
_FULL: Final = (
    "it holds as many credentials as it may",
    "Remove credentials of this application that are not in use any more.",
)
_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "Directory_ResourceSizeExceeded": _FULL,
    "CredentialTypeNotAllowedAsPerAppPolicy": (
        "an app management policy of this tenant lets it have no new client secret",
        (
            "Ask for an exemption for it, or let it prove itself by a certificate or a federated"
            " credential."
        ),
    ),
    "CredentialInvalidLifetimeAsPerAppPolicy": (
        "an app management policy of this tenant does not let a client secret last so long",
        (
            "Shorten this rotation's lifetime, or let the identity that rotates read the policies"
            " (Policy.Read.ApplicationConfiguration), so that it keeps to them by itself."
        ),
    ),
}


def is_absent(answer: Answer) -> bool:
    """Say whether a secret was not removed because there is none of this id."""
    return answer.status == HTTPStatus.BAD_REQUEST and _ABSENT in words_of(answer.body)


def change_error(answer: Answer, asked: Deed, client: CloudClient) -> CloudError:
    """Return the error for an answer other than success.

    `BusyError` is one after which certainly nothing was changed: 409, and the 400 that says the
    same. A 503 may mean it too, or not.
    """
    if _is_busy(answer):
        return BusyError(
            f"Somebody else is changing {asked.unknown} at this moment.",
            remedy="It is tried again later.",
        )
    for code in _RULES.keys() & codes_of(answer.body):
        return _rejected(asked, *_RULES[code])
    if answer.status == HTTPStatus.BAD_REQUEST and _FULL_WORDS in words_of(answer.body):
        return _rejected(asked, *_FULL)
    return client.refused(answer, asked)


def _is_busy(answer: Answer) -> bool:
    if answer.status == HTTPStatus.BAD_REQUEST:
        return _CONCURRENT in words_of(answer.body)
    return answer.status == HTTPStatus.CONFLICT


def _rejected(asked: Deed, why: str, remedy: str) -> RejectedError:
    return RejectedError(f"{asked.not_done[:1].upper()}{asked.not_done[1:]}: {why}.", remedy=remedy)
