"""What the errors of Azure's client for secrets mean.

Codes: Azure Key Vault REST API error codes; "Azure Key Vault soft-delete overview". What Azure
Policy refuses ("Integrate Azure Key Vault with Azure Policy") is recognised by its words too.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from azure.core.exceptions import DecodeError, HttpResponseError

from services.rotator.ports import BusyError, DisabledError, SoftDeletedError
from shared.clouds.client import unexpected
from shared.clouds.deeds import Deed
from shared.clouds.errors import CloudError, NotFoundError, RejectedError
from shared.clouds.failures import FAILURES, failure
from shared.clouds.refusals import codes_of, refusal, words_of
from shared.clouds.retry_after import answered_at, retry_after

_ABSENT: Final = "SecretNotFound"
_DELETED: Final = "ObjectIsDeletedButRecoverable"
_POLICY: Final = "RequestDisallowedByPolicy"
_POLICY_WORDS: Final = "disallowed by policy"
_MANAGED: Final = "SecretManagedByKeyVault"
_DISABLED: Final = "SecretDisabled"


class AbsentError(NotFoundError):
    """The vault answers and does not know the secret: no live one of this name, or no deleted."""


def vault_error(error: Exception, asked: Deed, host: str) -> CloudError:
    """Return our error for what Azure's client raised; it repeats nothing of it but a code."""
    response: Any = getattr(error, "response", None)
    # One that broke off, or cannot be unpacked, has an answer too, but not a whole one.
    if isinstance(error, HttpResponseError) and not isinstance(error, DecodeError) and response:
        return _refused(response.status_code, response.content, response.headers, asked)
    if isinstance(error, FAILURES):
        return failure(asked, host, error)
    return unexpected(asked, "it is not what Key Vault documents")


def soft_deleted(asked: Deed) -> SoftDeletedError:
    """Return the error for a secret that was deleted and could come back."""
    return SoftDeletedError(
        f"{_capital(asked.unknown)} is deleted and can still be recovered; nothing is written over"
        " it.",
        remedy="Recover it (az keyvault secret recover), or take this place out of the rotation.",
    )


def _refused(status: int, body: bytes, headers: Mapping[str, str], asked: Deed) -> CloudError:
    codes = codes_of(body)
    if status == HTTPStatus.NOT_FOUND and _ABSENT in codes:
        return AbsentError(
            f"Azure does not know {asked.unknown}.", remedy="It may have been deleted."
        )
    if status == HTTPStatus.CONFLICT:
        return soft_deleted(asked) if _DELETED in codes else _busy(asked)
    if status == HTTPStatus.FORBIDDEN:
        if _POLICY_WORDS in words_of(body):
            return _by_policy(asked)
        for code in _FORBIDDEN.keys() & codes:
            return _FORBIDDEN[code](asked)
    return refusal(asked, "vault", status, body, retry_after(headers), answered_at(headers))


def _busy(asked: Deed) -> BusyError:
    return BusyError(
        f"Somebody else is changing {asked.unknown} at this moment.",
        remedy="It is tried again later.",
    )


def _disabled(asked: Deed) -> DisabledError:
    return DisabledError(
        f"{_capital(asked.thing)} is disabled, so nobody can read it.",
        remedy="Enable its newest version, or write a new one by hand if it was disabled for good"
        " reason.",
    )


def _by_policy(asked: Deed) -> RejectedError:
    return RejectedError(
        f"Azure Policy does not allow to {asked.to_do} like this.",
        remedy="Look at the vault's policies on secrets: the longest validity, or a content type"
        " that it asks for. Change this rotation's lifetime, or the secret's content type.",
    )


def _managed(asked: Deed) -> RejectedError:
    return RejectedError(
        f"{_capital(asked.unknown)} belongs to the certificate of the same name and is only"
        " changed with it.",
        remedy="Choose another secret as the place for this credential.",
    )


_FORBIDDEN: Final[Mapping[str, Callable[[Deed], CloudError]]] = {
    _DISABLED: _disabled,
    _POLICY: _by_policy,
    _MANAGED: _managed,
}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
