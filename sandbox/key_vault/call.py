"""One authenticated request to one vault."""

from dataclasses import dataclass

from starlette.requests import Request

from sandbox.estate.model import Item, Kind, Vault
from sandbox.key_vault import errors
from sandbox.tokens import Caller
from sandbox.wire import Document, body
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation needs to know; `address` is the vault's own, without a slash."""

    world: World
    vault: Vault
    caller: Caller
    request: Request
    address: str
    version: str

    @property
    def now(self) -> int:
        return self.world.clock.epoch()

    def require(self, kind: Kind, permission: str, name: str = "") -> None:
        """Refuse a caller who may not do this here."""
        if not self.world.access.may(self.caller.object_id, self.vault, kind, permission):
            raise errors.forbidden(self.world, self.vault, self.caller, kind, permission, name)

    def item(self, kind: Kind, name: str) -> Item:
        found = self.vault.find(kind, name)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    async def document(self) -> Document:
        """Return the request's JSON object."""
        found = await body(self.request)
        if found is None:
            raise errors.bad_parameter("The request body is not a JSON object.")
        return found
