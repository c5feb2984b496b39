"""Everything the estate holds, in the shapes of the wire, without a single value."""

from dataclasses import asdict

from sandbox.arm import account_shapes, insights, role_shapes
from sandbox.arm import shapes as arm_shapes
from sandbox.certificates import PLAIN
from sandbox.directory import shapes as directory_shapes
from sandbox.estate.accounts import Account
from sandbox.estate.model import KINDS, Item, Kind, Vault
from sandbox.key_vault import shapes
from sandbox.wire import Document
from sandbox.world import World


def tell_of_vault(world: World, name: str) -> Document | None:
    """Return the truth about one vault."""
    vault = world.estate.vaults.get(name.lower())
    return None if vault is None else _vault(world, vault)


def tell(world: World) -> Document:
    """Return the whole truth, for a test to compare with what the product found."""
    estate = world.estate
    return {
        "profile": estate.profile,
        "seed": estate.seed,
        "made_at": estate.made_at,
        "now": world.clock.epoch(),
        "tenant": arm_shapes.tenant(estate),
        "subscriptions": [arm_shapes.subscription(estate, each) for each in estate.subscriptions],
        "vaults": [
            _vault(world, vault)
            for subscription in estate.subscriptions
            for vault in estate.vaults_of(subscription.id)
        ],
        "accounts": [_account(world, each) for _, each in sorted(estate.accounts.items())],
        "applications": [directory_shapes.application(each) for each in estate.applications],
        "service_principals": [
            directory_shapes.service_principal(each) for each in estate.service_principals
        ],
        "relations": {
            each.object_id: {
                "owners": directory_shapes.owners(estate, each),
                "federatedIdentityCredentials": [
                    directory_shapes.federated(one) for one in each.federated
                ],
            }
            for each in (*estate.applications, *estate.service_principals)
        },
        "role_assignments": [
            role_shapes.role_assignment(estate, each) for each in estate.assignments
        ],
        "role_definitions": [role_shapes.role_definition(each) for each in estate.roles().values()],
        "management_groups": {
            each.id: [group.scope for group in estate.groups_above(each.id)]
            for each in estate.subscriptions
        },
        "identities": {
            each.name: {"client_id": each.client_id, "object_id": each.object_id}
            for each in estate.principals.values()
        },
    }


def _account(world: World, found: Account) -> Document:
    """Return an account as a read shows it, with what each identity may do to its keys."""
    account = account_shapes.account(found, world.names)
    account["rules"] = [
        account_shapes.rule(found, ring) for ring in found.rings.values() if ring.name
    ]
    below = "/authorizationRules" if account["rules"] else ""
    account["keysOpenTo"] = [
        each.name
        for each in world.estate.principals.values()
        if world.access.allows(
            each.object_id, f"{found.type}{below}/listKeys/action", found.resource_id
        )
    ]
    return account


def _vault(world: World, vault: Vault) -> Document:
    readable_by = {
        each.name: world.access.readable(each.object_id, vault)
        for each in world.estate.principals.values()
    }
    found = arm_shapes.vault(world.estate, world.names, vault)
    found |= {"subscriptionId": vault.subscription_id, "firewall": vault.firewall}
    found["readableBy"] = readable_by
    found["diagnosticSettings"] = insights.diagnostic_settings(vault)
    for kind in KINDS:
        found[kind] = _items(world, vault, kind)
        found[f"deleted_{kind}"] = _deleted(world, vault, kind)
    found["awaiting_certificates"] = _awaiting(world, vault)
    found["details"] = _details(world, vault)
    return found


def _items(world: World, vault: Vault, kind: Kind) -> list[Document]:
    """Return each live item as its list shows it, with its versions beside."""
    address = world.names.vault(vault.name)
    found = []
    for name in sorted(vault.live[kind]):
        item = vault.live[kind][name]
        shown = shapes.listed(item, item.current, vault, address, of_versions=False)
        shown["versions"] = [
            shapes.listed(item, version, vault, address, of_versions=True)
            for version in item.versions
        ]
        found.append(shown)
    return found


def _awaiting(world: World, vault: Vault) -> list[Document]:
    """Return the certificates that were never issued, as a list that includes them shows them."""
    address = world.names.vault(vault.name)
    return [
        shapes.listed(item, item.current, vault, address, of_versions=False)
        for _, item in sorted(vault.awaiting.items())
    ]


def _details(world: World, vault: Vault) -> dict[str, Document]:
    """Return what single reads tell, and how each was made, by `<kind>/<name>`."""
    address = world.names.vault(vault.name)
    items = [item for kind in KINDS for item in vault.live[kind].values() if not item.managed]
    return {
        f"{item.kind}/{item.name}": _detail(item, vault, address)
        for item in (*items, *vault.awaiting.values())
        if item.kind != "secrets"
    }


def _detail(item: Item, vault: Vault, address: str) -> Document:
    detail: Document = {
        "bundle": shapes.bundle(item, item.current, vault, address),
        "made_of": item.current.key_type,
    }
    if item.kind == "keys":
        return detail | {
            "rotation": shapes.rotation_policy(item, address),
            "hsm": item.traits.hsm,
        }
    look = asdict(item.current.look or PLAIN)
    return detail | {"pending": shapes.operation(item, address), "look": look}


def _deleted(world: World, vault: Vault, kind: Kind) -> list[Document]:
    address = world.names.vault(vault.name)
    return [
        shapes.listed(item, item.current, vault, address, of_versions=False)
        | shapes.deleted(item, vault, address)
        for _, item in sorted(vault.deleted[kind].items())
    ]
