"""The profile `random`: a dozen vaults with everything that a listing can hold, by seed.

Counts stand at the borders of a page; every combination of attributes occurs; names are the
shortest, the longest and the oddest that are allowed; tags are in several scripts.
"""

from itertools import product
from typing import Final

from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import Estate, Kind, Vault
from sandbox.key_pairs import CERTIFICATE_KEY_TYPES
from sandbox.profiles import tenant
from sandbox.profiles.applications import add_applications, key_credential
from sandbox.profiles.details import describe
from sandbox.profiles.dice import DAY, Dice
from sandbox.profiles.principals import EVERYTHING, furnish

SUBSCRIPTIONS: Final = ("Contoso Random A", "Contoso Random B — Überprüfung")
_BORDERS: Final = (0, 1, 24, 25, 26, 50, 51)
_VAULTS: Final = 12
_APPLICATIONS: Final = 130
_ODD_NAMES: Final = (
    "a", "0", "A-B--c", "x" * 127, "UPPER", "1-2-3", "--", "versions", "null", "Create-",
)  # fmt: skip
_TAGS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"owner": "päyments-Größe", "城市": "東京"},
    {"emoji": "🔐🗝️", "empty": "", "spaces": "  a  b  "},
    {"quote": 'say "hi"\\n', "html": "<b>&amp;</b>", "sql": "'; DROP TABLE item; --"},
    {"rtl": "مفتاح", "combining": "e\u0301", "wide": "x" * 256},
)
_REGIONS: Final = ("westeurope", "eastus2", "brazilsouth")


def make(seed: int, now: int) -> Estate:
    """Return the estate that this seed gives, with every date relative to `now`."""
    estate, dice = tenant.found("random", seed, now, SUBSCRIPTIONS)
    vaults = [_vault(estate, dice, number) for number in range(_VAULTS)]
    for vault in vaults:
        _fill(vault, dice, now)
    _combine(vaults[0], dice, now)
    vaults[-1].firewall = dice.pick(("selected-networks", "private-only"))
    tenant.let_discover(estate, dice, vaults[:-2] + vaults[-1:])
    tenant.let_rotate_and_sync(estate, dice, vaults[:1])
    _add_applications(estate, dice, now)
    describe(estate)
    furnish(estate, now, EVERYTHING)
    return estate


def _vault(estate: Estate, dice: Dice, number: int) -> Vault:
    vault = Vault(
        name=f"kv{number}-{dice.text(6).lower().translate(_NO_PUNCTUATION)}x",
        subscription_id=dice.pick(estate.subscriptions).id,
        resource_group=f"RG_{number}.Mixed-Case",
        location=dice.pick(_REGIONS),
        created=estate.made_at - dice.seconds(1, 2_000),
        rbac=number in (0, _VAULTS - 2) or dice.chance(0.6),
        sku=dice.pick(("standard", "premium")),
        retention_days=dice.pick((7, 30, 90)),
        purge_protection=dice.chance(0.5),
        tags=dice.pick(_TAGS),
    )
    return estate.add_vault(vault)


def _fill(vault: Vault, dice: Dice, now: int) -> None:
    """Add as many items of each kind as one of the borders says.

    Certificates come first: the key and the secret of each count towards the other two.
    """
    kinds: tuple[Kind, ...] = ("certificates", "keys", "secrets")
    for kind in kinds:
        wanted = dice.pick(_BORDERS)
        names = [*dice.some(_ODD_NAMES, 4), *(f"{kind[:3]}-{n:03d}" for n in range(60))]
        for name in names:
            if len(vault.live[kind]) >= wanted:
                break
            if not any(name.lower() in vault.live[other] for other in kinds):
                _add(vault, dice, kind, name, now)
    plain = [item for item in vault.live["secrets"].values() if not item.managed]
    if dice.chance(0.3) and plain:
        changes.delete(vault, dice.pick(plain), now - DAY)


def _add(vault: Vault, dice: Dice, kind: Kind, name: str, now: int) -> None:
    """Add an item with one to three versions of any attributes."""
    tags = dice.pick(_TAGS)
    for version in range(dice.pick((1, 1, 2, 3))):
        made_at = now - dice.seconds(1, 700) + version
        not_before = made_at + dice.seconds(-50, 800) if dice.chance(0.4) else None
        begun = not_before or made_at
        expires = begun + dice.seconds(1, 900) if dice.chance(0.7) else None
        draft = Draft(
            id=dice.version_id(),
            enabled=not dice.chance(0.2),
            not_before=not_before,
            expires=expires,
            tags=tags,
            content_type=dice.pick((None, "", "text/plain", "application/vnd.ü+json; q=1")),
            value=dice.text(8),
            key_type=dice.pick(CERTIFICATE_KEY_TYPES),
        )
        changes.put(vault, kind, name, draft, made_at)


def _combine(vault: Vault, dice: Dice, now: int) -> None:
    """Add a secret for every combination of what can be set and what can be left out."""
    choices = product((True, False), (None, -DAY, DAY), (None, -1, 0, 6 * DAY, 400 * DAY))
    for number, (enabled, not_before, expires) in enumerate(choices):
        draft = Draft(
            id=dice.version_id(),
            enabled=enabled,
            not_before=None if not_before is None else now + not_before,
            expires=None if expires is None else now + expires,
            tags=_TAGS[number % len(_TAGS)],
            content_type=None if number % 2 else "text/plain",
            value="x",
        )
        changes.put(vault, "secrets", f"combination-{number:02d}", draft, now - number)


def _add_applications(estate: Estate, dice: Dice, now: int) -> None:
    """Add more than a page of applications, with odd names and both forms of identifiers."""
    add_applications(estate, dice, now, _APPLICATIONS)
    odd = ("O'Brien & Söhne", "名前", 'quote " backslash \\', " ", "x" * 120)
    for application, name in zip(estate.applications[1:], odd, strict=False):
        application.display_name = name
        application.keys.append(key_credential(dice, now, name, as_base64=True))
        without = key_credential(dice, now, name)
        without.custom_key_identifier = None
        application.keys.append(without)


_NO_PUNCTUATION: Final = str.maketrans({"~": "1", "_": "2", ".": "3"})
