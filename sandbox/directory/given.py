"""Reading what a request to change an application's credentials asks for, and refusing nonsense.

Microsoft Graph REST API v1.0: "application: addPassword", "passwordCredential", "keyCredential" and
"Update application"; "Add a certificate to an app using Microsoft Graph".
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from cryptography import x509

from sandbox.certificates import thumbprint
from sandbox.clock import epoch_of
from sandbox.directory.query import Refuse
from sandbox.estate.directory import KeyCredential, PasswordCredential
from sandbox.wire import Document, RefusedError, new_id

YEAR: Final = 366 * 86_400
_TYPE: Final = "AsymmetricX509Cert"
_DATES: Final = {"startDateTime": "start", "endDateTime": "end"}


def password(document: Document, text: str, now: int, refuse: Refuse) -> PasswordCredential:
    """Return the client secret that is asked for: from now, for two years, without words."""
    asked = document.get("passwordCredential") or {}
    if not isinstance(asked, dict):
        raise refuse(400, "Request_BadRequest", "Invalid value for 'passwordCredential'.")
    if asked.get("secretText") is not None:
        message = "New password credentials must be generated with service generated secret."
        raise refuse(400, "Request_BadRequest", message)
    start = _instant(asked, "startDateTime", refuse)
    begun = now if start is None else start
    end = _instant(asked, "endDateTime", refuse)
    made = PasswordCredential(
        key_id=new_id(),
        display_name=_text(asked, "displayName", refuse),
        start=begun,
        end=_two_years_after(begun) if end is None else end,
        text=text,
    )
    if made.end <= made.start:
        raise refuse(400, "Request_BadRequest", "Password credential end date is invalid.")
    return made


def key_id(document: Document, refuse: Refuse) -> str:
    """Return the id of the credential that is to go."""
    found = guid(document.get("keyId"))
    if found is None:
        raise refuse(400, "Request_BadRequest", "Invalid value specified for property 'keyId'.")
    return found


def keys(
    document: Document, held: list[KeyCredential], now: int, refuse: Refuse
) -> list[KeyCredential]:
    """Return the certificates that the application shall have: kept ones and new ones."""
    asked = document.get("keyCredentials")
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise refuse(400, "Request_BadRequest", "Invalid value for property 'keyCredentials'.")
    by_id = {each.key_id: each for each in held}
    found = [_key(each, by_id, now, refuse) for each in asked]
    if len({each.key_id for each in found}) < len(found):
        raise _invalid(refuse, "Value", "Key credential ids must be unique.", "keyId")
    return found


def guid(value: object) -> str | None:
    """Return a GUID in its usual form; None where it is none."""
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _key(
    asked: Document, held: dict[str, KeyCredential], now: int, refuse: Refuse
) -> KeyCredential:
    known = held.get(guid(asked.get("keyId")) or "")
    if known is not None:
        return _kept(asked, known, refuse)
    if asked.get("key") is None:
        raise _invalid(refuse, "Value", "Key credential value is invalid.", "key")
    return _new(asked, now, refuse)


def _kept(asked: Document, known: KeyCredential, refuse: Refuse) -> KeyCredential:
    """Return the certificate that stays. What is sent of it must be as it is."""
    same = asked.get("key") is None or _decoded(asked, refuse) == known.key
    for name, field in _DATES.items():
        same &= _instant(asked, name, refuse) in (None, getattr(known, field))
    for name, value in (("type", known.type), ("usage", known.usage)):
        same &= asked.get(name) in (None, value)
    if not same:
        message = f"Update to existing credential with KeyId '{known.key_id}' is not allowed."
        raise refuse(400, "Request_BadRequest", message)
    return known


def _new(asked: Document, now: int, refuse: Refuse) -> KeyCredential:
    for name, wanted in (("type", _TYPE), ("usage", "Verify")):
        if asked.get(name) != wanted:
            message = (
                f'The value for the property "{name}" in one of your credentials is invalid.'
                f" Acceptable values are {wanted}."
            )
            raise refuse(400, "Request_BadRequest", message)
    key = _decoded(asked, refuse)
    certificate = _certificate(key, refuse)
    start = _instant(asked, "startDateTime", refuse)
    begun = now if start is None else start
    last = int(certificate.not_valid_after_utc.timestamp())
    end = _instant(asked, "endDateTime", refuse)
    ends = min(begun + YEAR, last) if end is None else end
    if not begun < ends <= min(begun + YEAR, last):
        raise _invalid(refuse, "EndDate", "Key credential end date is invalid.", "endDateTime")
    return KeyCredential(
        key_id=guid(asked.get("keyId")) or new_id(),
        display_name=_text(asked, "displayName", refuse) or certificate.subject.rfc4514_string(),
        start=begun,
        end=ends,
        custom_key_identifier=_text(asked, "customKeyIdentifier", refuse) or thumbprint(key),
        key=key,
    )


def _decoded(asked: Document, refuse: Refuse) -> bytes:
    try:
        return base64.b64decode(asked["key"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _invalid(refuse, "Value", "Key credential value is invalid.", "key") from None


def _certificate(der: bytes, refuse: Refuse) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise _invalid(refuse, "Value", "Key credential value is invalid.", "key") from None


def _invalid(refuse: Refuse, what: str, message: str, name: str) -> RefusedError:
    refused = refuse(400, f"KeyCredentialsInvalid{what}", message)
    detail = {
        "code": f"InvalidKey{what}",
        "message": message,
        "target": f"keyCredentials.{name}",
    }
    refused.document["error"]["details"] = [detail]
    return refused


def _two_years_after(epoch: int) -> int:
    begun = datetime.fromtimestamp(epoch, UTC)
    try:
        return int(begun.replace(year=begun.year + 2).timestamp())
    except ValueError:  # the 29th of February
        return int(begun.replace(year=begun.year + 2, day=28).timestamp())


def _instant(asked: Document, name: str, refuse: Refuse) -> int | None:
    value = asked.get(name)
    if value is None:
        return None
    found = epoch_of(value) if isinstance(value, str) else None
    if found is None:
        message = f"Cannot convert the literal '{value}' to the expected type 'Edm.DateTimeOffset'."
        raise refuse(400, "Request_BadRequest", message)
    return found


def _text(asked: Document, name: str, refuse: Refuse) -> str | None:
    value = asked.get(name)
    if value is None or isinstance(value, str):
        return value
    raise refuse(400, "Request_BadRequest", f"Invalid value specified for property '{name}'.")
