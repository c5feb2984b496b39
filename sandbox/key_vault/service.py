"""Taking a request to a vault: who asks, from where, how often, for what."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, get_args

from starlette.requests import Request
from starlette.responses import Response

from sandbox.estate.model import Kind, Vault
from sandbox.key_vault import errors, issuing, listing, reading, signing, writing
from sandbox.key_vault.call import Call
from sandbox.tokens import TokenRefusedError
from sandbox.wire import RefusedError, answer, new_id
from sandbox.world import World

_VERSION: Final = re.compile(r"7\.[0-6](-preview(\.\d)?)?|20\d\d-\d\d-\d\d(-preview)?")
_NEWEST: Final = "2025-07-01"
_SAME_HEADERS: Final = (
    (b"cache-control", b"no-cache"),
    (b"pragma", b"no-cache"),
    (b"expires", b"-1"),
    (b"x-ms-keyvault-service-version", b"1.9.2784.1"),
    (
        b"x-ms-keyvault-network-info",
        f"conn_type=Ipv4;addr={errors.CLIENT_ADDRESS};act_addr_fam=InterNetwork;".encode(),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000;includeSubDomains"),
)
_KIND: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}
_DELETED: Final[dict[str, Kind]] = {f"deleted{kind}": kind for kind in get_args(Kind)}
_BELOW: Final[dict[tuple[Kind, str], Callable[[Call, str], Response]]] = {
    ("certificates", "policy"): reading.certificate_policy,
    ("certificates", "pending"): reading.pending_operation,
    ("keys", "rotationpolicy"): reading.rotation_policy,
}
_WRITE: Final[dict[tuple[Kind, str, str], Callable[[Call, str], Awaitable[Response]]]] = {
    ("secrets", "PUT", ""): writing.set_secret,
    ("keys", "PUT", "rotationpolicy"): writing.set_rotation_policy,
    ("keys", "POST", "create"): writing.create_key,
    ("certificates", "POST", "create"): issuing.create,
    ("certificates", "PATCH", "pending"): issuing.cancel,
    ("certificates", "DELETE", "pending"): issuing.forget,
    ("certificates", "POST", "pending/merge"): issuing.merge,
}


class KeyVault:
    """Answers for every vault of the estate."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request, vault_name: str) -> Response:
        vault = self._world.estate.vaults.get(vault_name.lower())
        try:
            response = await self._answer(request, vault)
        except RefusedError as refused:
            response = answer(refused.document, refused.status, headers=refused.headers)
        response.raw_headers += _headers(request, vault)
        if request.method != "GET":
            self._world.pages.clear()
        return response

    async def _answer(self, request: Request, vault: Vault | None) -> Response:
        if vault is None:
            raise errors.error(404, "VaultNotFound", "There is no vault of this name.")
        call = self._call(request, vault)
        parts = [part for part in request.scope["path"].split("/") if part]
        result = _operation(call, request.method, parts)
        return result if isinstance(result, Response) else await result

    def _call(self, request: Request, vault: Vault) -> Call:
        """Check everything that does not depend on what is asked for."""
        world = self._world
        authorization = request.headers.get("authorization", "")
        try:
            caller = world.tokens.check(authorization, world.names.audiences("vault"))
        except TokenRefusedError as refused:
            raise errors.unauthorized(world, refused) from None
        if not world.quotas.take(vault.name, vault.subscription_id, vault.location):
            raise errors.throttled()
        if vault.firewall != "open":
            raise errors.firewalled(world, vault, caller)
        if vault.issuing:
            issuing.settle(world, vault)
        return Call(world, vault, caller, request, world.names.vault(vault.name), _version(request))


def _version(request: Request) -> str:
    version = request.query_params.get("api-version")
    if version is None:
        raise errors.bad_parameter("api-version must be specified")
    if not _VERSION.fullmatch(version):
        raise errors.bad_parameter(
            f"The specified version ({version}) is not recognized. Consider using the latest"
            f" supported version ({_NEWEST})."
        )
    return version


def _operation(call: Call, method: str, parts: list[str]) -> Response | Awaitable[Response]:
    """Do what the method and the path ask for."""
    first = parts[0] if parts else ""
    if kind := _KIND.get(first):
        return _on_live(call, method, kind, parts[1:])
    if kind := _DELETED.get(first):
        return _on_deleted(call, method, kind, parts[1:])
    raise errors.error(404, "NotFound", "The requested path was not found.")


def _on_live(
    call: Call, method: str, kind: Kind, parts: list[str]
) -> Response | Awaitable[Response]:
    match method, parts:
        case "GET", []:
            return listing.items(call, kind)
        case "GET", [name, "versions"]:
            return listing.versions(call, kind, name)
        case "GET", [name, what] if read := _BELOW.get((kind, what)):
            return read(call, name)
        case "GET", [name, *version] if len(version) < 2:  # noqa: PLR2004 - name and version
            return reading.item(call, kind, name, "".join(version))
        case _:
            return _on_live_writing(call, method, kind, parts)


def _on_live_writing(call: Call, method: str, kind: Kind, parts: list[str]) -> Awaitable[Response]:
    match method, parts:
        case _, [name, *rest] if write := _WRITE.get((kind, method, "/".join(rest))):
            return write(call, name)
        case "POST", [name, *version, "sign"] if kind == "keys" and len(version) < 2:  # noqa: PLR2004 - name and version
            return signing.sign(call, name, "".join(version))
        case "PATCH", [name, *version] if len(version) < 2:  # noqa: PLR2004 - name and version
            return writing.update(call, kind, name, "".join(version))
        case "DELETE", [name]:
            return writing.delete(call, kind, name)
        case _:
            raise errors.error(405, "MethodNotAllowed", "The sandbox does not have this operation.")


def _on_deleted(
    call: Call, method: str, kind: Kind, parts: list[str]
) -> Response | Awaitable[Response]:
    match method, parts:
        case "GET", []:
            return listing.deleted(call, kind)
        case "GET", [name]:
            return reading.deleted(call, kind, name)
        case "DELETE", [name]:
            return writing.purge(call, kind, name)
        case "POST", [name, "recover"]:
            return writing.recover(call, kind, name)
        case _:
            raise errors.error(405, "MethodNotAllowed", "The sandbox does not have this operation.")


def _headers(request: Request, vault: Vault | None) -> list[tuple[bytes, bytes]]:
    region = vault.location if vault else "unknown"
    found = [
        *_SAME_HEADERS,
        (b"x-ms-request-id", new_id().encode()),
        (b"x-ms-keyvault-region", region.encode()),
    ]
    if client := request.headers.get("x-ms-client-request-id"):
        found.append((b"x-ms-client-request-id", client.encode("latin-1")))
    return found
