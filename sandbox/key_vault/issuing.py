"""Asking for certificates: create, the pending operation, and the merge of what a CA signed.

Key Vault documentation, "Monitor and manage certificate creation"; REST API reference, "Create
Certificate", "Update", "Get" and "Delete Certificate Operation", "Merge Certificate". A certificate
that the vault signs itself is issued a moment after it was asked for; one of an unknown issuer
waits for its merge.
"""

import asyncio
import base64
import binascii
import uuid
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from starlette.responses import Response

from sandbox import certificate_requests
from sandbox.certificate_requests import Pending, Wanted
from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import Item, Kind, Vault, Version
from sandbox.key_pairs import PrivateKey, new_pair
from sandbox.key_vault import errors, policy, reading, shapes, writing
from sandbox.key_vault.call import Call
from sandbox.wire import answer
from sandbox.world import World

SELF_SECONDS: Final = 0.1
_SELF: Final = "Self"
_IN_PROGRESS: Final = "inProgress"
_DETAILS: Final = {
    "Self": "Pending certificate created. Certificate request is in progress. This may take some"
    " time based on the issuer provider. Please check again later.",
    "Unknown": "Pending certificate created. Please Perform Merge to complete the request.",
}
_KINDS: Final[tuple[Kind, ...]] = ("certificates", "secrets", "keys")


async def create(call: Call, name: str) -> Response:
    """Begin to make a version; its key pair is made at once and stays in the vault."""
    call.require("certificates", "create", name)
    document = await call.document()
    writing.ensure_name(name)
    _ensure_free(call, name)
    existing = call.vault.find("certificates", name)
    given = document.get("policy") or (existing.policy if existing else None)
    if not isinstance(given, dict):
        raise errors.bad_parameter("Property policy has invalid value\r\n")
    wanted = policy.read(given)
    draft = writing.draft_of(document)
    async with writing.alone(call, "certificates", name):
        pair = await _pair(existing, wanted)
        item = _item(call, name, wanted)
        item.pending = Pending(
            version_id=item.current.id if item.name.lower() in call.vault.awaiting else draft.id,
            wanted=wanted,
            pair=pair,
            enabled=draft.enabled,
            tags=dict(draft.tags),
            due=call.world.clock.time() + SELF_SECONDS if wanted.issuer == _SELF else None,
        )
        item.operation = _operation(wanted, pair)
        if wanted.issuer == _SELF:
            call.vault.issuing[item.name.lower()] = item
    headers = {"Location": _location(call, item)}
    return answer(shapes.operation(item, call.address), 202, headers=headers)


async def cancel(call: Call, name: str) -> Response:
    """Ask for the end of a pending operation; whether it ends is up to the issuer."""
    call.require("certificates", "update", name)
    document = await call.document()
    item = reading.with_operation(call, name)
    if item.operation["status"] != _IN_PROGRESS:  # type: ignore[index] # it has an operation
        message = "The certificate's operation is not in progress and cannot be cancelled."
        raise errors.bad_parameter(message)
    async with writing.alone(call, "certificates", name):
        asked = document.get("cancellation_requested") is True
        item.operation = {**(item.operation or {}), "cancellation_requested": asked}
    return answer(shapes.operation(item, call.address))


async def forget(call: Call, name: str) -> Response:
    """Delete a pending operation, and with it a certificate that has no version yet."""
    call.require("certificates", "update", name)
    item = reading.with_operation(call, name)
    shown = shapes.operation(item, call.address)
    async with writing.alone(call, "certificates", name):
        item.operation = item.pending = None
        call.vault.issuing.pop(name.lower(), None)
        call.vault.awaiting.pop(name.lower(), None)
    return answer(shown)


async def merge(call: Call, name: str) -> Response:
    """Make what a certificate authority signed the newest version, live at once."""
    call.require("certificates", "create", name)
    document = await call.document()
    item = reading.with_operation(call, name)
    operation = item.operation or {}
    issuer = operation["issuer"]["name"]
    if operation["status"] == "completed":
        message = "Merge is forbidden on pending object that is completed."
        raise errors.error(403, "Forbidden", message)
    if issuer != "Unknown" and operation["status"] == _IN_PROGRESS:
        message = (
            f"Merge is forbidden on pending object created with issuer : {issuer} while it is in"
            " progess."
        )
        raise errors.error(403, "Forbidden", message)
    leaf, chain = _chain(document.get("x5c"))
    if item.pending is None or leaf.public_key() != item.pending.pair.public_key():
        raise errors.other_key()
    async with writing.alone(call, "certificates", name):
        der = leaf.public_bytes(serialization.Encoding.DER)
        made = _complete(call.vault, call.address, item, der, chain, call.now)
    headers = {"Location": f"{call.address}/certificates/{made.name}?api-version={call.version}"}
    bundle = shapes.bundle(made, made.current, call.vault, call.address)
    return answer(bundle, 201, headers=headers)


def settle(world: World, vault: Vault) -> None:
    """Issue what the vault signs itself and is due, unless its cancellation was asked for."""
    now = world.clock.time()
    for name, item in tuple(vault.issuing.items()):
        pending = item.pending
        if pending is None or pending.due is None or pending.due > now:
            continue
        del vault.issuing[name]
        world.pages.clear()
        if (item.operation or {}).get("cancellation_requested"):
            item.operation = {**(item.operation or {}), "status": "cancelled"}
            continue
        der = certificate_requests.self_signed(pending.wanted, pending.pair, now)
        _complete(vault, world.names.vault(vault.name), item, der, (), int(now))


def _complete(
    vault: Vault, address: str, item: Item, der: bytes, chain: tuple[bytes, ...], now: int
) -> Item:
    pending = item.pending
    if pending is None:
        raise errors.pending_not_found(item.name)
    certificate = x509.load_der_x509_certificate(der)
    draft = Draft(
        id=pending.version_id,
        enabled=pending.enabled,
        not_before=int(certificate.not_valid_before_utc.timestamp()),
        expires=int(certificate.not_valid_after_utc.timestamp()),
        tags=pending.tags,
        content_type=pending.wanted.content_type,
        key_type=pending.wanted.key_type,
        certificate=der,
        pair=pending.pair,
        chain=chain,
        exportable=pending.wanted.exportable,
    )
    vault.awaiting.pop(item.name.lower(), None)
    made = changes.put(vault, "certificates", item.name, draft, now)
    operation = {k: v for k, v in (item.operation or {}).items() if k != "status_details"}
    target = f"{address}/certificates/{made.name}"
    made.operation = operation | {"status": "completed", "target": target}
    made.policy, made.pending = pending.wanted.policy, None
    return made


def _ensure_free(call: Call, name: str) -> None:
    """Refuse a name that something deleted, a plain secret or key, or a request has."""
    for kind in _KINDS:
        if gone := call.vault.deleted[kind].get(name.lower()):
            raise errors.recoverable(gone)
        there = call.vault.find(kind, name)
        if there is not None and kind != "certificates" and not there.managed:
            raise errors.busy(name)
        if there is not None:
            writing.ensure_recovered(call, there)
    item = call.vault.awaiting.get(name.lower()) or call.vault.find("certificates", name)
    if item is not None and (item.operation or {}).get("status") == _IN_PROGRESS:
        raise errors.already_pending()


def _item(call: Call, name: str, wanted: Wanted) -> Item:
    """Return the certificate, made anew without a version that can be used if it is not there."""
    existing = call.vault.find("certificates", name)
    if existing is not None:
        return existing
    version = Version(
        id=uuid.uuid4().hex,
        created=call.now,
        updated=call.now,
        enabled=False,
        key_type=wanted.key_type,
    )
    item = Item("certificates", name, [version], policy=wanted.policy)
    call.vault.awaiting[name.lower()] = item
    return item


async def _pair(existing: Item | None, wanted: Wanted) -> PrivateKey:
    """Return the pair for a new version: a new one, unless the policy keeps the key."""
    if existing is not None and wanted.reuse_key:
        return existing.current.key
    return await asyncio.to_thread(new_pair, wanted.key_type)


def _operation(wanted: Wanted, pair: PrivateKey) -> dict[str, object]:
    csr = certificate_requests.request(wanted, pair)
    return {
        "issuer": {"name": wanted.issuer},
        "csr": base64.b64encode(csr).decode(),
        "cancellation_requested": False,
        "status": _IN_PROGRESS,
        "status_details": _DETAILS[wanted.issuer],
        "request_id": uuid.uuid4().hex,
    }


def _location(call: Call, item: Item) -> str:
    request_id = (item.operation or {})["request_id"]
    path = f"/certificates/{item.name}/pending?api-version={call.version}&request_id={request_id}"
    return f"{call.address}{path}"


def _chain(given: object) -> tuple[x509.Certificate, tuple[bytes, ...]]:
    """Return the certificate and what follows it, from a list of DER in base64."""
    try:
        ders = [base64.b64decode(each, validate=True) for each in given]  # type: ignore[attr-defined] # what is no list fails
        leaf = x509.load_der_x509_certificate(ders[0])
        return leaf, tuple(ders[1:])
    except (TypeError, ValueError, IndexError, binascii.Error):
        raise errors.bad_parameter("Property x5c has invalid value\r\n") from None
