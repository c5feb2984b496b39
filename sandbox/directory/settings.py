"""What a test or a demonstration changes in the directory from outside Azure."""

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field

from sandbox.directory import policies
from sandbox.estate.directory import Application, ManagementPolicy
from sandbox.owner import NotPossibleError
from sandbox.upheaval import YEARS, principal_named
from sandbox.world import World

_MOST: Final = 10_000
Span = Annotated[int, Field(ge=1, le=YEARS)]


class ReplicationSetting(BaseModel):
    """How long a changed credential is not known everywhere; what is absent is none.

    In seconds for the token endpoint, in further reads of the application for Microsoft Graph.
    """

    model_config = ConfigDict(extra="forbid")

    token_seconds: Annotated[float, Field(ge=0, le=YEARS)] = 0.0
    stale_reads: Annotated[int, Field(ge=0, le=_MOST)] = 0


class PolicySetting(BaseModel):
    """The app management policy of an application, or the tenant's default one (null).

    It stands as given: what is absent restricts nothing. An application's own is taken away with
    `enabled` null.
    """

    model_config = ConfigDict(extra="forbid")

    application: str | None = None
    enabled: bool | None = True
    password_addition_blocked: bool = False
    password_seconds: Span | None = None
    key_seconds: Span | None = None


class LimitSetting(BaseModel):
    """How many credentials an application may have; what is absent stays.

    The second is the number of client secrets where personal accounts may sign in.
    """

    model_config = ConfigDict(extra="forbid")

    most: Annotated[int, Field(ge=0, le=_MOST)] | None = None
    most_personal_passwords: Annotated[int, Field(ge=0, le=_MOST)] | None = None


class ApplicationSetting(BaseModel):
    """A change to an application, by its object id; what is absent stays.

    `enabled` is its service principal's state. `owners` are the identities that own it, by name.
    """

    model_config = ConfigDict(extra="forbid")

    application: str
    enabled: bool | None = None
    owners: tuple[str, ...] | None = None


class GraphRoleSetting(BaseModel):
    """The application permissions of Microsoft Graph that an identity's new tokens carry."""

    model_config = ConfigDict(extra="forbid")

    identity: str
    roles: tuple[str, ...]


def set_replication(world: World, setting: ReplicationSetting) -> dict[str, Any]:
    """Set the delays of changes from now, and return them."""
    world.replication.token_seconds = setting.token_seconds
    world.replication.stale_reads = setting.stale_reads
    return setting.model_dump()


def set_policy(world: World, setting: PolicySetting) -> dict[str, Any]:
    """Set a policy and return it as Graph tells it; an empty document where there is none."""
    restrictions = setting.model_dump(exclude={"application", "enabled"})
    made = ManagementPolicy(enabled=bool(setting.enabled), **restrictions)
    if setting.application is None:
        world.estate.credential_rules.policy = made
        return policies.tenants(made)
    application = _application(world, setting.application)
    name = str(uuid5(NAMESPACE_URL, f"app-management/{application.object_id}"))
    application.policy = None if setting.enabled is None else replace(made, id=name)
    return policies.applications(application.policy) if application.policy else {}


def set_limits(world: World, setting: LimitSetting) -> dict[str, Any]:
    """Limit the number of credentials and return how that stands."""
    rules = world.estate.credential_rules
    rules.most = rules.most if setting.most is None else setting.most
    if setting.most_personal_passwords is not None:
        rules.most_personal_passwords = setting.most_personal_passwords
    return {"most": rules.most, "most_personal_passwords": rules.most_personal_passwords}


def set_application(world: World, setting: ApplicationSetting) -> dict[str, Any]:
    """Change an application and return how it stands."""
    application = _application(world, setting.application)
    if setting.owners is not None:
        owners = [principal_named(world, name).object_id for name in setting.owners]
        application.owner_principals = tuple(owners)
    principal = world.estate.service_principal(application.app_id)
    if principal is None:
        raise NotPossibleError(f"{application.display_name!r} has no service principal.")
    if setting.enabled is not None:
        principal.enabled = setting.enabled
    return {
        "application": application.object_id,
        "enabled": principal.enabled,
        "owners": list(application.owner_principals),
    }


def set_graph_roles(world: World, setting: GraphRoleSetting) -> dict[str, Any]:
    """Give an identity these permissions and no others; tokens issued before keep theirs."""
    before = principal_named(world, setting.identity)
    world.estate.principals[before.name] = replace(before, graph_roles=setting.roles)
    return {"identity": before.name, "before": list(before.graph_roles)}


def _application(world: World, object_id: str) -> Application:
    for each in world.estate.applications:
        if each.object_id == object_id.lower():
            return each
    raise NotPossibleError(f"There is no application with the object id {object_id!r}.")
