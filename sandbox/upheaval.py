"""What changes in the tenant from outside: by the control endpoint, or before a fault's request."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sandbox.estate.model import Firewall, Principal
from sandbox.owner import ItemWrite, NotPossibleError, write
from sandbox.world import World

YEARS: Final = 20 * 365 * 86_400

Guid = Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class ClockSetting(BaseModel):
    """How far the sandbox's time stands from the machine's."""

    model_config = ConfigDict(extra="forbid")

    offset_seconds: Annotated[float, Field(ge=-YEARS, le=YEARS)]


class IdentitySetting(BaseModel):
    """How long new tokens live (null: as usual), and whose issued ones are worthless from now."""

    model_config = ConfigDict(extra="forbid")

    token_seconds: Annotated[int, Field(ge=1, le=YEARS)] | None = None
    revoke: bool | str = False


class MembershipSetting(BaseModel):
    """The groups, by object id, that an identity is in from now; nested ones included."""

    model_config = ConfigDict(extra="forbid")

    identity: str
    groups: tuple[Guid, ...]


class VaultSetting(BaseModel):
    """A change to a vault itself; what is absent stays.

    `deleted` takes it away and brings it back with all that it held. `denied` takes everybody's
    rights to its contents.
    """

    model_config = ConfigDict(extra="forbid")

    vault: str
    deleted: bool | None = None
    denied: bool | None = None
    firewall: Firewall | None = None


class Upheaval(BaseModel):
    """Changes that happen together."""

    model_config = ConfigDict(extra="forbid")

    items: list[ItemWrite] = Field(default_factory=list)
    vaults: list[VaultSetting] = Field(default_factory=list)
    identity: IdentitySetting | None = None
    clock: ClockSetting | None = None


def happen(world: World, upheaval: Upheaval) -> None:
    """Make the changes. Raises `NotPossibleError` for one that cannot be."""
    for vault in upheaval.vaults:
        set_vault(world, vault)
    for item in upheaval.items:
        write(world, item)
    if upheaval.identity:
        set_identity(world, upheaval.identity)
    if upheaval.clock:
        world.clock.offset_seconds = upheaval.clock.offset_seconds


def set_vault(world: World, setting: VaultSetting) -> dict[str, Any]:
    """Change a vault and return how it stands."""
    estate, name = world.estate, setting.vault.lower()
    vault = estate.vaults.get(name) or estate.deleted_vaults.get(name)
    if vault is None:
        raise NotPossibleError(f"There is no vault {setting.vault!r}.")
    if setting.deleted is not None:
        gone, there = estate.deleted_vaults, estate.vaults
        into, out_of = (gone, there) if setting.deleted else (there, gone)
        into[name] = vault
        out_of.pop(name, None)
    if setting.denied is not None:
        (world.access.deny if setting.denied else world.access.allow)(vault)
    if setting.firewall is not None:
        vault.firewall = setting.firewall
    return {
        "vault": vault.name,
        "deleted": name in estate.deleted_vaults,
        "denied": world.access.is_denied(vault),
        "firewall": vault.firewall,
    }


def set_identity(world: World, setting: IdentitySetting) -> dict[str, Any]:
    """Change how tokens are issued and which still hold; return how that stands."""
    tokens = world.tokens
    if "token_seconds" in setting.model_fields_set:
        tokens.seconds = setting.token_seconds
    if isinstance(setting.revoke, str):
        tokens.revoke(principal_named(world, setting.revoke).object_id)
    elif setting.revoke:
        tokens.revoke()
    return {"token_seconds": tokens.seconds, "issued": tokens.issued}


def set_memberships(world: World, setting: MembershipSetting) -> dict[str, Any]:
    """Put an identity into groups, and out of all others."""
    object_id = principal_named(world, setting.identity).object_id
    world.estate.memberships[object_id] = frozenset(setting.groups)
    return {"object_id": object_id, "groups": sorted(setting.groups)}


def principal_named(world: World, name: str) -> Principal:
    """Return an identity of the estate. Raises `NotPossibleError` for a name that nobody has."""
    principal = world.estate.principals.get(name)
    if principal is None:
        names = ", ".join(world.estate.principals)
        raise NotPossibleError(f"There is no identity {name!r}. There are: {names}.")
    return principal
