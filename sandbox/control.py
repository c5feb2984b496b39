"""The control endpoint: what a test or a demonstration does to the sandbox from outside Azure."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.access_log import AccessLog
from sandbox.directory.quota import Size
from sandbox.directory.settings import (
    ApplicationSetting,
    GraphRoleSetting,
    LimitSetting,
    PolicySetting,
    ReplicationSetting,
    set_application,
    set_graph_roles,
    set_limits,
    set_policy,
    set_replication,
)
from sandbox.faults import Faults, Rule
from sandbox.owner import ItemWrite, NotPossibleError, write
from sandbox.throttle import Quotas
from sandbox.truth import tell, tell_of_vault
from sandbox.upheaval import (
    ClockSetting,
    IdentitySetting,
    MembershipSetting,
    VaultSetting,
    set_identity,
    set_memberships,
    set_vault,
)
from sandbox.wire import answer, whole_number
from sandbox.world import World

PREFIX: Final = "/_sandbox"


class QuotaSetting(BaseModel):
    """Requests that are served in a window: to each vault, and to a subscription's in a region."""

    model_config = ConfigDict(extra="forbid")

    vault: Annotated[int, Field(ge=1)] | None = None
    subscription: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0, le=3_600)] | None = None


class GraphQuotaSetting(BaseModel):
    """Graph's quota by a tenant's size or a number of units in 10 seconds; neither: none."""

    model_config = ConfigDict(extra="forbid")

    tenant: Size | None = None
    units: Annotated[int, Field(ge=1)] | None = None


S = TypeVar("S", bound=BaseModel)
Change = Callable[[World, bytes], object]


def _by(setting: type[S], make: Callable[[World, S], object]) -> Change:
    return lambda world, raw: make(world, setting.model_validate_json(raw))


_CHANGES: Final[Mapping[tuple[str, str], Change]] = {
    ("POST", "items"): _by(ItemWrite, write),
    ("POST", "vaults"): _by(VaultSetting, set_vault),
    ("POST", "identity"): _by(IdentitySetting, set_identity),
    ("PUT", "memberships"): _by(MembershipSetting, set_memberships),
    ("POST", "applications"): _by(ApplicationSetting, set_application),
    ("PUT", "graph-roles"): _by(GraphRoleSetting, set_graph_roles),
    ("PUT", "app-policy"): _by(PolicySetting, set_policy),
    ("PUT", "credential-limits"): _by(LimitSetting, set_limits),
    ("PUT", "replication"): _by(ReplicationSetting, set_replication),
}


class Control:
    """Answers below `/_sandbox`. Nonsense is answered with 400 and a sentence."""

    def __init__(self, world: World, log: AccessLog, faults: Faults) -> None:
        self._world = world
        self._log = log
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix(PREFIX).strip("/")
        try:
            return answer(await self._do(request, path))
        except ValidationError as error:
            return answer({"error": _sentence(error)}, 400)
        except NotPossibleError as error:
            return answer({"error": str(error)}, 400)
        except LookupError:
            known = (
                "log, faults, clock, truth, items, vaults, identity, memberships, quotas, counters,"
                " graph-quota, applications, graph-roles, app-policy, credential-limits,"
                " replication"
            )
            message = f"There is no {request.method} {request.url.path}. There are: {known}."
            return answer({"error": message}, 404)

    async def _do(self, request: Request, path: str) -> object:
        raw = await request.body()
        match request.method, path.split("/"):
            case "GET", ["truth", *name]:
                return self._truth("/".join(name))
            case "GET", [last]:
                return self._told(last)
            case "DELETE", ["log"]:
                return self._cleared(self._log)
            case "DELETE", ["counters"]:
                return self._cleared(self._world.quotas)
            case method, ["faults", *rest]:
                return self._fault(method, rest, raw)
            case method, [last]:
                return self._set(method, last, raw)
            case _:
                raise LookupError(path)

    def _told(self, what: str) -> object:
        match what:
            case "log":
                return {"entries": self._log.entries()}
            case "counters":
                return {"counters": self._world.quotas.counts()}
            case "clock":
                return self._clock()
            case "faults":
                return {"faults": self._faults.rules()}
            case _:
                raise LookupError(what)

    def _set(self, method: str, what: str, raw: bytes) -> object:
        match method, what:
            case "PUT", "clock":
                setting = ClockSetting.model_validate_json(raw)
                self._world.clock.offset_seconds = setting.offset_seconds
                return self._clock()
            case "PUT", "graph-quota":
                asked = GraphQuotaSetting.model_validate_json(raw)
                limit = self._world.graph_quota.switch(asked.tenant, asked.units)
                return {"units": limit}
            case "PUT", "quotas":
                return self._limit(QuotaSetting.model_validate_json(raw))
            case _ if change := _CHANGES.get((method, what)):
                return change(self._world, raw)
            case _:
                raise LookupError(what)

    def _fault(self, method: str, rest: list[str], raw: bytes) -> object:
        match method, rest:
            case "POST", []:
                return {"id": self._faults.add(Rule.model_validate_json(raw))}
            case "DELETE", []:
                return self._cleared(self._faults)
            case "DELETE", [text] if (number := whole_number(text)) is not None:
                if not self._faults.remove(number):
                    raise NotPossibleError(f"There is no fault with the id {number}.")
                return {"removed": number}
            case _:
                raise LookupError(method)

    def _truth(self, vault: str) -> object:
        """Return the whole truth, or that about one vault."""
        if not vault:
            return tell(self._world)
        found = tell_of_vault(self._world, vault)
        if found is None:
            raise NotPossibleError(f"There is no vault {vault!r}.")
        return found

    def _cleared(self, what: AccessLog | Faults | Quotas) -> dict[Literal["cleared"], bool]:
        what.clear()
        return {"cleared": True}

    def _clock(self) -> dict[str, Any]:
        clock = self._world.clock
        return {"offset_seconds": clock.offset_seconds, "now": clock.now().isoformat()}

    def _limit(self, setting: QuotaSetting) -> dict[str, Any]:
        quotas = self._world.quotas
        quotas.vault.limit = setting.vault or quotas.vault.limit
        quotas.subscription.limit = setting.subscription or quotas.subscription.limit
        for window in (quotas.vault, quotas.subscription):
            window.seconds = setting.seconds or window.seconds
        return {
            "vault": quotas.vault.limit,
            "subscription": quotas.subscription.limit,
            "seconds": quotas.vault.seconds,
        }


def _sentence(error: ValidationError) -> str:
    """Return what is wrong first, in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}." if where else f"{message}."
