"""Reading Key Vault's pages: every field with its type checked, or an answer that is refused."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.scanner.adapters.key_vault_rows import decode
from services.scanner.domain.inventory import Item, ItemKind
from services.scanner.domain.listing import Page
from shared.clouds.errors import UnexpectedAnswerError

WHAT = "the secrets of vault kv-1"
ROW = {
    "id": "https://kv-1.vault.azure.net/secrets/db",
    "attributes": {
        "enabled": False,
        "created": 1,
        "updated": 2,
        "nbf": 3,
        "exp": 4,
        "recoveryLevel": "Recoverable",
        "recoverableDays": 90,
    },
    "contentType": "text/plain",
    "tags": {"team": "pay", "empty": None},
    "managed": True,
}


def page(*rows: object, link: object = None, collection: str = "secrets") -> tuple[Page, Any]:
    return decode(orjson.dumps({"value": rows, "nextLink": link}), collection, WHAT)


def second(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)


def test_every_field_of_a_row_is_read() -> None:
    found, link = page(ROW, link="https://kv-1.vault.azure.net/next")

    assert link == "https://kv-1.vault.azure.net/next"
    assert list(found) == [
        Item(
            kind=ItemKind.SECRET,
            external_id="secrets/db",
            name="db",
            enabled=False,
            created_on=second(1),
            updated_on=second(2),
            not_before=second(3),
            expires_on=second(4),
            content_type="text/plain",
            tags={"team": "pay", "empty": ""},
            recovery_level="Recoverable",
            recoverable_days=90,
            managed=True,
        )
    ]


def test_what_key_vault_leaves_out_stays_unknown() -> None:
    found, link = page({"id": "https://kv-1.vault.azure.net/secrets/db"})

    assert link is None
    assert list(found) == [Item(kind=ItemKind.SECRET, external_id="secrets/db", name="db")]


def test_a_key_is_named_by_its_kid_and_a_certificate_by_its_thumbprint_too() -> None:
    keys, _ = page({"kid": "https://kv-1.vault.azure.net/keys/k"}, collection="keys")
    row = {"id": "https://kv-1.vault.azure.net/certificates/c", "x5t": "AQID"}
    certificates, _ = page(row, collection="certificates")

    assert [(item.kind, item.name) for item in keys] == [(ItemKind.KEY, "k")]
    assert [(item.kind, item.thumbprint) for item in certificates] == [
        (ItemKind.CERTIFICATE, "010203")
    ]


def test_a_nul_in_a_text_is_shown_as_another_character() -> None:
    found, _ = page(ROW | {"tags": {"a\0": "b\0"}, "contentType": "\0"})

    (item,) = found
    assert item.tags == {"a\ufffd": "b\ufffd"}
    assert item.content_type == "\ufffd"


def test_an_entrys_digest_changes_with_whatever_is_said_about_it() -> None:
    (same,), (again,) = page(ROW)[0].entries, page(ROW)[0].entries
    (other,) = page(ROW | {"contentType": "text/html"})[0].entries

    assert same.digest == again.digest
    assert same.digest != other.digest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exp", "tomorrow"),
        ("exp", True),
        ("exp", 10**18),
        ("enabled", 1),
        ("recoverableDays", "90"),
    ],
)
def test_an_attribute_of_another_type_makes_its_item_unreadable(field: str, value: object) -> None:
    found, _ = page(ROW | {"attributes": {field: value}})

    with pytest.raises(UnexpectedAnswerError, match="cannot be understood"):
        list(found)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"value": {}}',
        b'{"value": [1]}',
        b'{"value": [{}]}',
        b'{"value": [], "nextLink": 7}',
        b'{"value": [{"id": "https://kv-1.vault.azure.net/keys/db"}]}',
        b'{"value": [{"id": "https://kv-1.vault.azure.net/secrets/db/version"}]}',
        b'{"value": [{"id": "https://kv-1.vault.azure.net/secrets/"}]}',
        b'{"value": [{"id": "\xff"}]}',
    ],
)
def test_a_page_that_is_not_one_is_refused_whole(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match="the secrets of vault kv-1"):
        decode(body, "secrets", WHAT)
