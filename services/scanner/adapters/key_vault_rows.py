"""Reading the pages of Key Vault's three lists.

A page is cut into its rows, and a row is read when its item is wanted. msgspec checks the types: a
field of another type makes the listing an unexpected answer, an item is never stored with half of
what Key Vault said about it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import msgspec

from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.listing import Entry, Page, digest
from shared.clouds import wire
from shared.clouds.client import unexpected

T = TypeVar("T")
_NUL: Final = b"\\u0000"


class _Page(msgspec.Struct):
    value: list[msgspec.Raw]
    nextLink: str | None = None  # noqa: N815 - Azure's name


class _Named(msgspec.Struct):
    id: str = ""
    kid: str = ""


class _Attributes(msgspec.Struct):
    enabled: bool | None = None
    created: int | None = None
    updated: int | None = None
    nbf: int | None = None
    exp: int | None = None
    recoveryLevel: str | None = None  # noqa: N815 - Azure's name
    recoverableDays: int | None = None  # noqa: N815 - Azure's name


class _Row(msgspec.Struct):
    attributes: _Attributes | None = None
    contentType: str | None = None  # noqa: N815 - Azure's name
    tags: dict[str, str | None] | None = None
    managed: bool | None = None
    x5t: str | None = None


_PAGE: Final = msgspec.json.Decoder(_Page)
_NAMED: Final = msgspec.json.Decoder(_Named)
_ROW: Final = msgspec.json.Decoder(_Row)
_NOTHING: Final = _Attributes()
_KINDS: Final = {
    "secrets": ItemKind.SECRET,
    "keys": ItemKind.KEY,
    "certificates": ItemKind.CERTIFICATE,
}


def decode(body: bytes, collection: str, what: str) -> tuple[Page, str | None]:
    """Return a page of `secrets`, `keys` or `certificates`, and the next one's address.

    Raises `UnexpectedAnswerError`, as reading its entries does; `what` is what is listed.
    """
    page = _checked(_PAGE.decode, body, what)
    read = partial(_item, collection=collection, what=what)
    entries = tuple(_entry(bytes(raw), collection, what, read) for raw in page.value)
    return Page(entries), page.nextLink


def _entry(raw: bytes, collection: str, what: str, read: Callable[[str, bytes], Item]) -> Entry:
    named = _checked(_NAMED.decode, raw, what)
    name = _name(named.kid if collection == "keys" else named.id, collection, what)
    return Entry(f"{collection}/{name}", digest(raw), raw, read)


def _name(identifier: str, collection: str, what: str) -> str:
    """Return the name in `https://<vault>/<collection>/<name>`."""
    _, found, name = identifier.partition(f"/{collection}/")
    if not found or not name or "/" in name:
        raise unexpected(what, "an item's id does not name one")
    return wire.storable(name)


def _item(external_id: str, raw: bytes, *, collection: str, what: str) -> Item:
    row = _checked(_ROW.decode, raw, what)
    given = row.attributes or _NOTHING
    item = Item(
        kind=_KINDS[collection],
        external_id=external_id,
        name=external_id.removeprefix(f"{collection}/"),
        enabled=given.enabled is not False,
        created_on=wire.moment(given.created, "created", what),
        updated_on=wire.moment(given.updated, "updated", what),
        not_before=wire.moment(given.nbf, "nbf", what),
        expires_on=wire.moment(given.exp, "exp", what),
        content_type=row.contentType,
        tags={key: value or "" for key, value in row.tags.items()} if row.tags else {},
        recovery_level=given.recoveryLevel,
        recoverable_days=given.recoverableDays,
        managed=row.managed or False,
        thumbprint=wire.hexadecimal(row.x5t, "x5t", what),
    )
    return _storable(item) if _NUL in raw else item


def _storable(item: Item) -> Item:
    """Show NUL, which PostgreSQL cannot hold, as another character (see `wire.storable`)."""
    return msgspec.structs.replace(
        item,
        content_type=item.content_type and wire.storable(item.content_type),
        tags={wire.storable(key): wire.storable(value) for key, value in item.tags.items()},
        recovery_level=item.recovery_level and wire.storable(item.recovery_level),
    )


def _checked(read: Callable[[bytes], T], body: bytes, what: str) -> T:
    try:
        return read(body)
    except msgspec.ValidationError as error:
        _, _, where = str(error).rpartition(" - at ")
        raise unexpected(what, f"{where or 'it'} is not of the type it should have") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise unexpected(what, "it is not JSON") from None
