"""Reading a certificate's policy from a request (Azure Key Vault REST API, CertificatePolicy)."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from cryptography import x509

from sandbox.certificate_requests import Wanted
from sandbox.key_vault import errors
from sandbox.key_vault.writing import key_type
from sandbox.wire import Document

_ISSUERS: Final = {"self": "Self", "unknown": "Unknown"}
_CONTENT_TYPES: Final = ("application/x-pkcs12", "application/x-pem-file")
_USAGES: Final = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]
_NAMES: Final[dict[str, Callable[[str], x509.GeneralName]]] = {
    "dns_names": x509.DNSName,
    "emails": x509.RFC822Name,
    "uris": x509.UniformResourceIdentifier,
}
_LONGEST_MONTHS: Final = 1_000
_SPACE_AFTER_COMMA: Final = re.compile(r"(?<!\\),\s+")
_ATTRIBUTE: Final = re.compile(r"(^|,)([a-z]+)=")


def read(document: Document) -> Wanted:
    """Return what a policy asks for. Raises `RefusedError` for what cannot be had."""
    key, x509_props = _part(document, "key_props"), _part(document, "x509_props")
    subject, names = _subject(x509_props), tuple(_names(x509_props))
    if not names and not list(subject):
        raise errors.bad_parameter("Property subject or sans must be set\r\n")
    issuer = str(_part(document, "issuer").get("name") or "Unknown")
    if issuer.lower() not in _ISSUERS:
        raise errors.bad_parameter(f"The issuer {issuer} was not found in this key vault.")
    content_type = str(_part(document, "secret_props").get("contentType") or _CONTENT_TYPES[0])
    if content_type not in _CONTENT_TYPES:
        raise errors.bad_parameter("Property contentType has invalid value\r\n")
    kind = key_type({"kty": "RSA"} | key)
    usages = x509_props.get("ekus") or _USAGES
    return Wanted(
        subject=subject,
        names=names,
        usages=tuple(_usages(usages)),
        months=_months(x509_props),
        key_type=kind,
        exportable=key.get("exportable") is not False,
        reuse_key=key.get("reuse_key") is True,
        issuer=_ISSUERS[issuer.lower()],
        content_type=content_type,
        policy=_kept(document, x509_props, usages),
    )


def _part(document: Document, name: str) -> Document:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _subject(x509_props: Document) -> x509.Name:
    """Return the subject; unlike RFC 4514 with spaces after commas and in small letters."""
    text = _SPACE_AFTER_COMMA.sub(",", str(x509_props.get("subject") or ""))
    try:
        return x509.Name.from_rfc4514_string(
            _ATTRIBUTE.sub(lambda found: f"{found[1]}{found[2].upper()}=", text)
        )
    except ValueError:
        raise errors.bad_parameter("Property subject has invalid value\r\n") from None


def _names(x509_props: Document) -> Iterator[x509.GeneralName]:
    for kind, values in _part(x509_props, "sans").items():
        for value in values or ():
            try:
                yield _NAMES[kind](str(value))
            except (KeyError, ValueError):
                raise errors.bad_parameter("Property sans has invalid value\r\n") from None


def _usages(given: object) -> Iterator[x509.ObjectIdentifier]:
    try:
        for usage in given if isinstance(given, list) else [given]:
            yield x509.ObjectIdentifier(str(usage))
    except ValueError:
        raise errors.bad_parameter("Property ekus has invalid value\r\n") from None


def _months(x509_props: Document) -> int:
    found = x509_props.get("validity_months") or 12
    if not isinstance(found, int) or not 1 <= found <= _LONGEST_MONTHS:
        raise errors.bad_parameter("Property validity_months has invalid value\r\n")
    return found


def _kept(document: Document, x509_props: Document, usages: object) -> Document:
    """Return the policy as later reads show it."""
    names = ("key_props", "secret_props", "lifetime_actions", "issuer")
    kept = {name: document[name] for name in names if document.get(name)}
    shown = {"sans": {"dns_names": []}, "basic_constraints": {"ca": False}} | x509_props
    return kept | {
        "issuer": kept.get("issuer", {"name": "Unknown"}),
        "x509_props": shown | {"ekus": usages, "validity_months": _months(x509_props)},
    }
