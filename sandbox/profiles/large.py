"""The profile `large`: as many vaults and items as the command line asks for, all alike."""

from typing import Final

from sandbox.arguments import Arguments
from sandbox.certificates import build
from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import Estate, Vault
from sandbox.profiles import tenant, words
from sandbox.profiles.applications import add_applications
from sandbox.profiles.dice import DAY, Dice
from sandbox.profiles.principals import CONTOSO, furnish

_CERTIFICATES: Final = 64


def make(arguments: Arguments, now: int) -> Estate:
    """Return the estate. Certificates repeat after the first few, to be made in little time."""
    names = tuple(f"Contoso Scale {number:02d}" for number in range(1, arguments.subscriptions + 1))
    estate, dice = tenant.found("large", arguments.seed, now, names)
    drafts = [_certificate(dice, now) for _ in range(min(_CERTIFICATES, arguments.certificates))]
    vaults = [_vault(estate, number, arguments.regions) for number in range(arguments.vaults)]
    for vault in vaults:
        largest = arguments.largest if vault is vaults[0] else 0
        _fill(vault, dice, now, arguments, drafts, largest or arguments.secrets)
    tenant.let_discover(estate, dice, vaults)
    add_applications(estate, dice, now, arguments.applications)
    furnish(estate, now, CONTOSO)
    return estate


def _vault(estate: Estate, number: int, regions: int) -> Vault:
    places = words.REGIONS[:regions]
    vault = Vault(
        name=f"kv-scale-{number:05d}",
        subscription_id=estate.subscriptions[number % len(estate.subscriptions)].id,
        resource_group=f"rg-scale-{number % 50:02d}",
        location=places[number % len(places)][0],
        created=estate.made_at - 400 * DAY,
    )
    return estate.add_vault(vault)


def _certificate(dice: Dice, now: int) -> Draft:
    begun = now - dice.seconds(1, 330)
    expires, version_id = begun + 365 * DAY, dice.version_id()
    der = build(
        "scale.contoso.example",
        key_type="EC-P-256",
        not_before=begun,
        not_after=expires,
        serial=int(version_id, 16) >> 1 or 1,
    )
    return Draft(
        id=version_id, not_before=begun, expires=expires, key_type="EC-P-256", certificate=der
    )


def _fill(
    vault: Vault, dice: Dice, now: int, arguments: Arguments, drafts: list[Draft], secrets: int
) -> None:
    tags = {"team": "scale", "environment": "prod"}
    for number in range(secrets):
        draft = Draft(
            id=dice.version_id(),
            expires=now + dice.seconds(-30, 700) if number % 4 else None,
            tags=tags,
            content_type="text/plain",
            value="not a secret",
        )
        changes.put(vault, "secrets", f"secret-{number:06d}", draft, now - DAY)
    for number in range(arguments.keys):
        draft = Draft(id=dice.version_id(), tags=tags, expires=now + dice.seconds(1, 700))
        changes.put(vault, "keys", f"key-{number:06d}", draft, now - DAY)
    for number in range(arguments.certificates):
        draft = drafts[number % len(drafts)]
        changes.put(vault, "certificates", f"certificate-{number:06d}", draft, now - DAY)
