"""Reading single items, live and deleted."""

from starlette.responses import Response

from sandbox.estate.model import Item, Kind, Version
from sandbox.key_vault import errors, shapes
from sandbox.key_vault.call import Call
from sandbox.wire import answer


def item(call: Call, kind: Kind, name: str, version_id: str) -> Response:
    """Return one version of an item; of a secret with its value."""
    call.require(kind, "get", name)
    found = certificate_of(call, name) if kind == "certificates" else call.item(kind, name)
    version = wanted(found, version_id)
    if kind == "secrets" and not version.enabled:
        raise errors.disabled(kind)
    document = shapes.bundle(found, version, call.vault, call.address)
    if kind == "secrets":
        document = {"value": shapes.value(found, version)} | document
    return answer(document)


def wanted(found: Item, version_id: str) -> Version:
    """Return the version with this id; the current one for an empty id."""
    version = found.version(version_id) if version_id else found.current
    if version is None:
        raise errors.not_found(found.kind, f"{found.name}/{version_id}")
    return version


def certificate_policy(call: Call, name: str) -> Response:
    """Return how a certificate is made and renewed."""
    call.require("certificates", "get", name)
    found = certificate_of(call, name)
    return answer(shapes.certificate_policy(found, found.current, call.address))


def certificate_of(call: Call, name: str) -> Item:
    """Return a certificate, also one that was asked for and not issued yet."""
    return call.vault.awaiting.get(name.lower()) or call.item("certificates", name)


def pending_operation(call: Call, name: str) -> Response:
    """Return a certificate's pending operation (Get Certificate Operation)."""
    call.require("certificates", "get", name)
    return answer(shapes.operation(with_operation(call, name), call.address))


def with_operation(call: Call, name: str) -> Item:
    """Return a certificate that has an operation, and that one if the request says which."""
    found = certificate_of(call, name)
    asked = call.request.query_params.get("request_id")
    if found.operation is None or asked not in (None, found.operation["request_id"]):
        raise errors.pending_not_found(name)
    return found


def rotation_policy(call: Call, name: str) -> Response:
    """Return a key's rotation policy (Get Key Rotation Policy)."""
    call.require("keys", "getrotationpolicy", name)
    return answer(shapes.rotation_policy(call.item("keys", name), call.address))


def deleted(call: Call, kind: Kind, name: str) -> Response:
    """Return a deleted item, without a value."""
    call.require(kind, "get", name)
    gone = call.vault.deleted[kind].get(name.lower())
    if gone is None:
        raise errors.deleted_not_found(kind, name)
    return answer(
        shapes.bundle(gone, gone.current, call.vault, call.address)
        | shapes.deleted(gone, call.vault, call.address)
    )
