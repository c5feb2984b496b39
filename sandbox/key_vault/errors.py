"""Key Vault's refusals, worded as the service words them.

Sources: the Key Vault REST API error codes, and messages that users of the service have published.
"""

from typing import Final

from sandbox.access import data_action
from sandbox.estate.model import Item, Kind, Vault
from sandbox.tokens import Caller, TokenRefusedError
from sandbox.wire import RefusedError
from sandbox.world import World

CLIENT_ADDRESS: Final = "203.0.113.7"
_CHANGED_RECENTLY: Final = (
    "If role assignments, deny assignments or role definitions were changed recently, please"
    " observe propagation time."
)
_NOUN: Final = {"secrets": "secret", "keys": "key", "certificates": "certificate"}
_TITLE: Final = {"secrets": "Secret", "keys": "Key", "certificates": "Certificate"}


def error(status: int, code: str, message: str, inner: str | None = None) -> RefusedError:
    """Return a refusal in Key Vault's form."""
    document: dict[str, object] = {"code": code, "message": message}
    if inner:
        document["innererror"] = {"code": inner}
    return RefusedError(status, {"error": document})


def bad_parameter(message: str) -> RefusedError:
    return error(400, "BadParameter", message)


def unauthorized(world: World, refused: TokenRefusedError) -> RefusedError:
    """Return the challenge: where a token can be had, and for which resource."""
    wanted = world.names.vault_resource
    messages = {
        "missing": "AKV10000: Request is missing a Bearer or PoP token.",
        "invalid": "AKV10001: Error validating token: the token could not be read.",
        "expired": "[TokenExpired] Error validating token: 'S2S12086'.",
        "revoked": "[TokenExpired] Error validating token: 'S2S12086'.",
        "audience": f"AKV10022: Invalid audience. Expected {wanted}, found: {refused.detail}.",
    }
    result = error(401, "Unauthorized", messages[refused.reason])
    authority = f"{world.names.login}/{world.estate.tenant_id}"
    challenge = f'Bearer authorization="{authority}", resource="{wanted}"'
    result.headers["WWW-Authenticate"] = challenge
    return result


def _who(world: World, caller: Caller) -> str:
    return f"appid={caller.client_id};oid={caller.object_id};iss={world.tokens.issuer}"


def _where(vault: Vault) -> str:
    return f"{vault.name};location={vault.location}"


def forbidden(
    world: World, vault: Vault, caller: Caller, kind: Kind, permission: str, name: str
) -> RefusedError:
    """Return what a caller without the role, or without the policy's permission, is told."""
    if not vault.rbac:
        message = (
            f"The user, group or application '{_who(world, caller)}' does not have {kind}"
            f" {permission} permission on key vault '{_where(vault)}'. For help resolving this"
            " issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
        )
        return error(403, "Forbidden", message, "AccessDenied")
    resource = vault.resource_id.lower().replace(vault.name.lower(), vault.name)
    message = "\r\n".join(
        (
            "Caller is not authorized to perform action on resource.",
            _CHANGED_RECENTLY,
            f"Caller: {_who(world, caller)}",
            f"Action: '{data_action(kind, permission)}'",
            f"Resource: '{resource}{f'/{kind}/{name}' if name else ''}'",
            "Assignment: (not found)",
            "DenyAssignmentId: null",
            "DecisionReason: null ",
            f"Vault: {_where(vault)}",
            "",
        )
    )
    return error(403, "Forbidden", message, "ForbiddenByRbac")


def firewalled(world: World, vault: Vault, caller: Caller) -> RefusedError:
    """Return what a caller from outside the vault's networks is told."""
    ending = f"Caller: {_who(world, caller)}\r\nVault: {_where(vault)}"
    if vault.firewall == "private-only":
        message = (
            "Public network access is disabled and request is not from a trusted service nor via"
            f" an approved private link.\r\n{ending}"
        )
        return error(403, "Forbidden", message, "ForbiddenByConnection")
    message = (
        "Client address is not authorized and caller is not a trusted service.\r\n"
        f"Client address: {CLIENT_ADDRESS}\r\n{ending}"
    )
    return error(403, "Forbidden", message, "ForbiddenByFirewall")


def not_found(kind: Kind, name: str) -> RefusedError:
    noun = _NOUN[kind]
    message = (
        f"A {noun} with (name/id) {name} was not found in this key vault. If you recently deleted"
        f" this {noun} you may be able to recover it using the correct recovery command. For help"
        " resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
    return error(404, f"{_TITLE[kind]}NotFound", message)


def pending_not_found(name: str) -> RefusedError:
    """Return that a certificate has no pending operation (certificate creation scenarios)."""
    return error(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")


def deleted_not_found(kind: Kind, name: str) -> RefusedError:
    message = f"Deleted {_TITLE[kind]} not found: {name}"
    return error(404, f"{_TITLE[kind]}NotFound", message)


def recoverable(item: Item) -> RefusedError:
    """Return the conflict with a deleted item of the same name."""
    message = (
        f"{_TITLE[item.kind]} {item.name} is currently in a deleted but recoverable state, and its"
        " name cannot be reused; in this state, the"
        f" {_NOUN[item.kind]} can only be recovered or purged."
    )
    return error(409, "Conflict", message, "ObjectIsDeletedButRecoverable")


def being_recovered(item: Item) -> RefusedError:
    """Return the conflict with an item that was recovered a moment ago."""
    message = (
        f"{_TITLE[item.kind]} {item.name} is currently being recovered and cannot be re-created;"
        " retry later."
    )
    return error(409, "Conflict", message, "ObjectIsBeingRecovered")


def already_pending() -> RefusedError:
    """Return the conflict with a certificate that is being made already."""
    message = (
        "A new key vault certificate can not be created or imported while a pending key vault"
        " certificate's status is inProgress."
    )
    return error(409, "Conflict", message)


def other_key() -> RefusedError:
    """Return why a certificate is not merged: it was made for another request."""
    return bad_parameter(
        "The public key of the end-entity certificate in the specified X.509 certificate content"
        " does not match the public part of the specified private key. Please check if certificate"
        " is valid."
    )


def busy(item_name: str) -> RefusedError:
    """Return the conflict of two writes to one name at the same time."""
    message = f"There was a conflict writing to {item_name}. Please retry the request."
    return error(409, "Conflict", message)


def disabled(kind: Kind, operation: str = "get") -> RefusedError:
    message = f"Operation {operation} is not allowed on a disabled {_NOUN[kind]}."
    return error(403, "Forbidden", message, f"{_TITLE[kind]}Disabled")


def managed(item: Item) -> RefusedError:
    """Return why a certificate's key or secret cannot be changed by itself."""
    message = (
        f"{_TITLE[item.kind]} {item.name} belongs to the certificate of the same name and can only"
        " be changed through it."
    )
    return error(403, "Forbidden", message, f"{_TITLE[item.kind]}ManagedByKeyVault")


def throttled() -> RefusedError:
    """Return the refusal of one request too many. The real service names no wait."""
    message = (
        "Request was not processed because too many requests were received. Reason:"
        " VaultRequestTypeLimitReached"
    )
    return error(429, "Throttled", message)
