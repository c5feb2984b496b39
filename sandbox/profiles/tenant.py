"""What every estate begins with: a tenant, its identities, and what each of them may do.

`discover` reads what exists and no value. `rotate` writes in the vaults of some resource groups.
`sync` reads values there. Each has the least that its work needs.
"""

from typing import Final

from sandbox.estate.directory import Application, PasswordCredential
from sandbox.estate.model import (
    KINDS,
    AccessPolicy,
    Assignment,
    Estate,
    Principal,
    Subscription,
    Vault,
)
from sandbox.profiles.dice import DAY, Dice

_DISCOVERERS: Final = ("discover", "discover-sp")
_ROTATES: Final = (
    "Key Vault Secrets Officer",
    "Key Vault Certificates Officer",
    "Key Vault Crypto Officer",
)


def found(profile: str, seed: int, now: int, subscriptions: tuple[str, ...]) -> tuple[Estate, Dice]:
    """Return an estate with nothing but its tenant, subscriptions and identities."""
    dice = Dice(f"{profile}:{seed}")
    estate = Estate(
        tenant_id=dice.guid(),
        organization="Contoso",
        domain="contoso.example",
        profile=profile,
        seed=seed,
        made_at=now,
    )
    estate.subscriptions = [Subscription(dice.guid(), name) for name in subscriptions]
    roles = {
        "discover": ("Application.Read.All",),
        "rotate": ("Application.ReadWrite.OwnedBy",),
        "sync": (),
    }
    for name, graph_roles in roles.items():
        principal = Principal(name, dice.guid(), dice.guid(), graph_roles=graph_roles)
        estate.principals[name] = principal
    _add_service_principal(estate, dice, now)
    for subscription in estate.subscriptions:
        for name in estate.principals:
            assign(estate, dice, name, f"/subscriptions/{subscription.id}", "Reader")
    return estate, dice


def _add_service_principal(estate: Estate, dice: Dice, now: int) -> None:
    """Register the application that stands in for `discover` where a client secret is used."""
    name = "discover-sp"
    principal = Principal(
        name, dice.guid(), dice.guid(), kind="application", graph_roles=("Application.Read.All",)
    )
    estate.principals[name] = principal
    password = PasswordCredential(
        key_id=dice.guid(),
        display_name="discovery",
        start=now - 30 * DAY,
        end=now + 335 * DAY,
        text=dice.text(40),
    )
    application = Application(
        object_id=dice.guid(),
        app_id=principal.client_id,
        display_name="CertifyClouds Discovery",
        created=now - 30 * DAY,
        passwords=[password],
        principal_id=principal.object_id,
    )
    estate.applications.append(application)


def assign(estate: Estate, dice: Dice, name: str, scope: str, role: str) -> None:
    """Give an identity a role."""
    object_id = estate.principals[name].object_id
    estate.assignments.append(Assignment(dice.guid(), scope, object_id, role))


def group_scope(vault: Vault) -> str:
    return f"/subscriptions/{vault.subscription_id}/resourceGroups/{vault.resource_group}"


def let_discover(estate: Estate, dice: Dice, vaults: list[Vault]) -> None:
    """Let discovery list these vaults: by role on their groups, or by their own policies."""
    for scope in dict.fromkeys(group_scope(vault) for vault in vaults if vault.rbac):
        for name in _DISCOVERERS:
            assign(estate, dice, name, scope, "Key Vault Reader")
    for vault in vaults:
        if not vault.rbac:
            vault.policies += tuple(list_only(estate, name) for name in _DISCOVERERS)


def let_rotate_and_sync(estate: Estate, dice: Dice, vaults: list[Vault]) -> None:
    """Let rotation write and copying read in the groups of these vaults."""
    for scope in dict.fromkeys(group_scope(vault) for vault in vaults if vault.rbac):
        for role in _ROTATES:
            assign(estate, dice, "rotate", scope, role)
        assign(estate, dice, "sync", scope, "Key Vault Secrets User")


def list_only(estate: Estate, name: str) -> AccessPolicy:
    return AccessPolicy(estate.principals[name].object_id, dict.fromkeys(KINDS, ("list",)))
