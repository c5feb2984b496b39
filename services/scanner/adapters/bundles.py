"""Key Vault's bundles, policies and operations as plain values.

Azure Key Vault REST API reference: KeyBundle, KeyRotationPolicy, CertificateBundle,
CertificatePolicy, CertificateOperation.
"""

import base64
import binascii
from typing import Final

from services.scanner.adapters.x509 import describe
from services.scanner.domain.detail import (
    CertificateAction,
    CertificateDetail,
    CertificatePolicy,
    KeyAction,
    KeyDetail,
    Operation,
    RotationPolicy,
)
from services.scanner.domain.durations import days_of
from shared.clouds import wire
from shared.clouds.client import unexpected
from shared.clouds.paging import rows
from shared.telemetry.logs import scrub

_HSM: Final = "-HSM"
_TRIGGERS: Final = (("timeAfterCreate", "after_create"), ("timeBeforeExpiry", "before_expiry"))
_LONGEST_TEXT: Final = 500


def key_detail(bundle: wire.Row, what: str) -> KeyDetail:
    """Return what a KeyBundle says of the key; the numbers of its public half are not kept."""
    key = wire.part(bundle, "key", what)
    attributes = wire.part(bundle, "attributes", what)
    key_type = wire.text(key, "kty", what)
    return KeyDetail(
        key_type=key_type.removesuffix(_HSM),
        size=_modulus_bits(key, what),
        curve=wire.optional(key, "crv", str, what),
        operations=tuple(_texts(key, "key_ops", what)),
        hsm=key_type.endswith(_HSM),
        exportable=wire.optional(attributes, "exportable", bool, what) or False,
        release_policy=bool(wire.part(bundle, "release_policy", what)),
    )


def rotation_policy(policy: wire.Row, what: str) -> RotationPolicy:
    """Return a KeyRotationPolicy; only one that somebody set says when it was made."""
    attributes = wire.part(policy, "attributes", what)
    expiry_time = wire.optional(attributes, "expiryTime", str, what)
    return RotationPolicy(
        set_on=wire.unix_instant(attributes, "created", what),
        updated_on=wire.unix_instant(attributes, "updated", what),
        expiry_time=expiry_time,
        expiry_days=days_of(expiry_time) if expiry_time else None,
        actions=tuple(
            action
            for row in _objects(policy, "lifetimeActions", what)
            for action in _key_actions(row, what)
        ),
    )


def _key_actions(row: wire.Row, what: str) -> list[KeyAction]:
    action = wire.text(wire.part(row, "action", what), "type", what)
    trigger = wire.part(row, "trigger", what)
    given = [(ours, wire.optional(trigger, theirs, str, what)) for theirs, ours in _TRIGGERS]
    return [
        KeyAction(action=action, trigger=ours, duration=duration, days=days_of(duration))
        for ours, duration in given
        if duration
    ]


def certificate_detail(bundle: wire.Row, what: str) -> CertificateDetail | None:
    """Return the certificate in a CertificateBundle, None where none was issued yet."""
    written = wire.optional(bundle, "cer", str, what)
    if not written:
        return None
    try:
        return describe(base64.b64decode(written, validate=True))
    except (binascii.Error, ValueError):
        raise unexpected(what, "`cer` is not a certificate") from None


def certificate_policy(bundle: wire.Row, what: str) -> CertificatePolicy:
    """Return the policy in a CertificateBundle."""
    policy = wire.part(bundle, "policy", what)
    key = wire.part(policy, "key_props", what)
    x509 = wire.part(policy, "x509_props", what)
    return CertificatePolicy(
        issuer=wire.optional(wire.part(policy, "issuer", what), "name", str, what),
        validity_months=wire.optional(x509, "validity_months", int, what),
        exportable=wire.optional(key, "exportable", bool, what),
        reuse_key=wire.optional(key, "reuse_key", bool, what),
        key_type=wire.optional(key, "kty", str, what),
        key_size=wire.optional(key, "key_size", int, what),
        curve=wire.optional(key, "crv", str, what),
        content_type=wire.optional(
            wire.part(policy, "secret_props", what), "contentType", str, what
        ),
        actions=tuple(
            _certificate_action(row, what) for row in _objects(policy, "lifetime_actions", what)
        ),
    )


def _certificate_action(row: wire.Row, what: str) -> CertificateAction:
    trigger = wire.part(row, "trigger", what)
    return CertificateAction(
        action=wire.text(wire.part(row, "action", what), "action_type", what),
        days_before_expiry=wire.optional(trigger, "days_before_expiry", int, what),
        lifetime_percentage=wire.optional(trigger, "lifetime_percentage", int, what),
    )


def operation(answer: wire.Row, what: str) -> Operation:
    """Return a CertificateOperation without its certificate signing request."""
    error = wire.part(answer, "error", what)
    return Operation(
        status=wire.text(answer, "status", what),
        status_details=_words(answer, "status_details", what),
        error_code=_words(error, "code", what),
        error_message=_words(error, "message", what),
        cancellation_requested=wire.optional(answer, "cancellation_requested", bool, what) or False,
        issuer=wire.optional(wire.part(answer, "issuer", what), "name", str, what),
    )


def _words(row: wire.Row, name: str, what: str) -> str | None:
    """Return a text that an authority wrote, on one line, cut, and without what looks secret."""
    written = wire.optional(row, name, str, what)
    if not written:
        return None
    plain = "".join(letter if letter.isprintable() else " " for letter in written)
    return scrub(" ".join(plain.split()))[:_LONGEST_TEXT] or None


def _modulus_bits(key: wire.Row, what: str) -> int | None:
    written = wire.optional(key, "n", str, what)
    if not written:
        return None
    plain = written.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        number = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise unexpected(what, "`n` is not a number") from None
    return int.from_bytes(number, "big").bit_length()


def _objects(row: wire.Row, name: str, what: str) -> list[wire.Row]:
    return rows(row, name, what) if row.get(name) is not None else []


def _texts(row: wire.Row, name: str, what: str) -> list[str]:
    found = wire.optional(row, name, list, what) or []
    if not all(isinstance(text, str) for text in found):
        raise unexpected(what, f"`{name}` is not a list of texts")
    return [wire.storable(text) for text in found]
