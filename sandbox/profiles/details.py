"""What only single reads tell of an estate's keys and certificates, thrown with dice of its own.

Of its own, so that the estate's other throws, and so its lists, stay as they are for a seed.
"""

from dataclasses import replace
from typing import Any, Final, Literal

from sandbox.certificates import Look, build
from sandbox.estate.model import Estate, Item, KeyTraits, Vault, Version
from sandbox.key_pairs import CERTIFICATE_KEY_TYPES, KEY_TYPES
from sandbox.profiles.dice import DAY, Dice

_ISSUERS: Final = ("Contoso Issuing CA 1", "Contoso Root CA", "DigiCert Sandbox TLS CA", "Größe CA")
_FURTHER: Final = (
    ("dns", "*.pay.contoso.example"),
    ("dns", "xn--gre-6ka8i.contoso.example"),
    ("ip", "203.0.113.9"),
    ("ip", "2001:db8::9"),
    ("email", "pki@contoso.example"),
    ("uri", "spiffe://contoso.example/pay"),
)
_ROTATIONS: Final = (
    ("timeAfterCreate", "P18M", "P2Y"),
    ("timeAfterCreate", "P90D", "P180D"),
    ("timeBeforeExpiry", "P30D", "P1Y2M3D"),
)
_RENEWALS: Final[tuple[dict[str, Any], ...]] = (
    {"trigger": {"days_before_expiry": 30}, "action": {"action_type": "AutoRenew"}},
    {"trigger": {"lifetime_percentage": 75}, "action": {"action_type": "AutoRenew"}},
    {"trigger": {"days_before_expiry": 10}, "action": {"action_type": "EmailContacts"}},
)
_NAME: Final = "awaits-issue"


def describe(estate: Estate) -> None:
    """Give keys and certificates their traits, policies, looks and operations."""
    dice = Dice(f"details:{estate.profile}:{estate.seed}")
    for vault in estate.vaults.values():
        for item in vault.live["keys"].values():
            if not item.managed:
                _describe_key(item, vault, dice, estate.made_at)
        for item in vault.live["certificates"].values():
            _describe_certificate(item, vault, dice, estate.made_at)
        if dice.chance(0.3):
            _await(vault, dice, estate.made_at)


def _describe_key(item: Item, vault: Vault, dice: Dice, now: int) -> None:
    if dice.chance(0.5):
        for version in item.versions:
            version.key_type = dice.pick(KEY_TYPES)
    exportable = vault.sku == "premium" and dice.chance(0.3)
    item.traits = KeyTraits(
        hsm=vault.sku == "premium" and (exportable or dice.chance(0.5)),
        exportable=exportable,
        release_policy=exportable,
        rotation=_rotation(dice, now) if dice.chance(0.5) else None,
    )


def _rotation(dice: Dice, now: int) -> dict[str, Any]:
    trigger, duration, expiry = dice.pick(_ROTATIONS)
    notify = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
    rotate = {"trigger": {trigger: duration}, "action": {"type": "Rotate"}}
    set_at = now - dice.seconds(1, 300)
    return {
        "lifetimeActions": [rotate, notify] if dice.chance(0.7) else [notify],
        "attributes": {"expiryTime": expiry, "created": set_at, "updated": set_at + DAY // 2},
    }


def _describe_certificate(item: Item, vault: Vault, dice: Dice, now: int) -> None:
    if dice.chance(0.6):
        for version in item.versions:
            _give_look(item, version, vault, dice)
    if dice.chance(0.7):
        item.policy = _policy(dice)
    if dice.chance(0.25):
        item.operation = _operation(dice, item.name)
    del now


def _give_look(item: Item, version: Version, vault: Vault, dice: Dice) -> None:
    """Make the version's certificate again, for it and for the key and secret behind it."""
    digest: Literal["sha256", "sha384"] = "sha384" if dice.chance(0.3) else "sha256"
    look = Look(
        names=tuple(dice.some(_FURTHER, dice.integer(0, 4))),
        issuer=dice.pick(_ISSUERS),
        issuer_key=dice.pick(CERTIFICATE_KEY_TYPES),
        digest=digest,
        self_signed=dice.chance(0.2),
        ca=dice.chance(0.1),
    )
    der = build(
        f"{item.name.lower()[:40]}.contoso.example",
        key_type=version.key_type,
        not_before=version.not_before or 0,
        not_after=version.expires or 0,
        serial=int(version.id, 16) >> 1 or 1,
        look=look,
    )
    for holder in (item, vault.live["keys"][item.name.lower()], _secret(vault, item)):
        for same in holder.versions:
            if same.id == version.id:
                same.certificate, same.look = der, look


def _secret(vault: Vault, item: Item) -> Item:
    return vault.live["secrets"][item.name.lower()]


def _policy(dice: Dice) -> dict[str, Any]:
    return {
        "issuer": {"name": dice.pick(("Self", "Unknown", "DigiCert-prod"))},
        "lifetime_actions": dice.some(_RENEWALS, dice.integer(0, 2)),
        "key_props": {"exportable": dice.chance(0.6), "reuse_key": dice.chance(0.4)},
        "secret_props": {
            "contentType": dice.pick(("application/x-pkcs12", "application/x-pem-file"))
        },
    }


def _operation(dice: Dice, name: str) -> dict[str, Any]:
    """Return an operation in one of the four states of a pending certificate."""
    status = dice.pick(("inProgress", "completed", "cancelled", "failed"))
    found: dict[str, Any] = {
        "issuer": {"name": dice.pick(("DigiCert-prod", "Unknown"))},
        "csr": "MIICsandboxCertificateSigningRequest",
        "cancellation_requested": status == "cancelled",
        "status": status,
        "status_details": f"The request for {name} is {status}.\r\nPlease check again later.",
        "request_id": dice.version_id(),
    }
    if status == "failed":
        message = "The issuer refused the request: the domain is not validated."
        found["error"] = {"code": "Issuer failed", "message": message}
    return found


def _await(vault: Vault, dice: Dice, now: int) -> None:
    """Add a certificate that was asked for and never issued."""
    made = now - dice.seconds(1, 20)
    version = Version(id=dice.version_id(), created=made, updated=made, enabled=False)
    item = Item("certificates", _NAME, [version], policy=_policy(dice))
    item.operation = _operation(dice, item.name) | {"status": dice.pick(("inProgress", "failed"))}
    item.versions[0] = replace(version, key_type=dice.pick(CERTIFICATE_KEY_TYPES))
    vault.awaiting[_NAME] = item
