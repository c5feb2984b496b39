"""The control endpoint: what a test or a demonstration does to the sandbox from outside Azure."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.access_log import AccessLog
from sandbox.directory.memberships import MembershipSetting
from sandbox.estate.model import Principal
from sandbox.faults import Faults, Rule
from sandbox.owner import ItemWrite, NotPossibleError, write
from sandbox.truth import tell, tell_of_vault
from sandbox.wire import answer, whole_number
from sandbox.world import World

PREFIX: Final = "/_sandbox"
_YEARS: Final = 20 * 365 * 86_400


class ClockSetting(BaseModel):
    """How far the sandbox's time stands from the machine's."""

    model_config = ConfigDict(extra="forbid")

    offset_seconds: Annotated[float, Field(ge=-_YEARS, le=_YEARS)]


class IdentitySetting(BaseModel):
    """How long new tokens live (null: as usual), and whose issued ones are worthless from now."""

    model_config = ConfigDict(extra="forbid")

    token_seconds: Annotated[int, Field(ge=1, le=_YEARS)] | None = None
    revoke: bool | str = False


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
            known = "log, faults, clock, truth, items, identity, memberships"
            message = f"There is no {request.method} {request.url.path}. There are: {known}."
            return answer({"error": message}, 404)

    async def _do(self, request: Request, path: str) -> object:
        raw = await request.body()
        match request.method, path.split("/"):
            case "GET", ["log"]:
                return {"entries": self._log.entries()}
            case "DELETE", ["log"]:
                return self._cleared(self._log)
            case "GET", ["truth", *name]:
                return self._truth("/".join(name))
            case "GET", ["clock"]:
                return self._clock()
            case method, ["faults", *rest]:
                return self._fault(method, rest, raw)
            case method, [last]:
                return self._set(method, last, raw)
            case _:
                raise LookupError(path)

    def _set(self, method: str, what: str, raw: bytes) -> object:
        match method, what:
            case "PUT", "clock":
                setting = ClockSetting.model_validate_json(raw)
                self._world.clock.offset_seconds = setting.offset_seconds
                return self._clock()
            case "POST", "items":
                return write(self._world, ItemWrite.model_validate_json(raw))
            case "POST", "identity":
                return self._identity(IdentitySetting.model_validate_json(raw))
            case "PUT", "memberships":
                return self._join(MembershipSetting.model_validate_json(raw))
            case _:
                raise LookupError(what)

    def _fault(self, method: str, rest: list[str], raw: bytes) -> object:
        match method, rest:
            case "GET", []:
                return {"faults": self._faults.rules()}
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

    def _cleared(self, what: AccessLog | Faults) -> dict[Literal["cleared"], bool]:
        what.clear()
        return {"cleared": True}

    def _clock(self) -> dict[str, Any]:
        clock = self._world.clock
        return {"offset_seconds": clock.offset_seconds, "now": clock.now().isoformat()}

    def _identity(self, setting: IdentitySetting) -> dict[str, Any]:
        tokens = self._world.tokens
        if "token_seconds" in setting.model_fields_set:
            tokens.seconds = setting.token_seconds
        if isinstance(setting.revoke, str):
            tokens.revoke(self._principal(setting.revoke).object_id)
        elif setting.revoke:
            tokens.revoke()
        return {"token_seconds": tokens.seconds, "issued": tokens.issued}

    def _join(self, setting: MembershipSetting) -> dict[str, Any]:
        object_id = self._principal(setting.identity).object_id
        self._world.estate.memberships[object_id] = frozenset(setting.groups)
        return {"object_id": object_id, "groups": sorted(setting.groups)}

    def _principal(self, name: str) -> Principal:
        principal = self._world.estate.principals.get(name)
        if principal is None:
            names = ", ".join(self._world.estate.principals)
            raise NotPossibleError(f"There is no identity {name!r}. There are: {names}.")
        return principal


def _sentence(error: ValidationError) -> str:
    """Return what is wrong first, in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}." if where else f"{message}."
