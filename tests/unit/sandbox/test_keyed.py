"""Keys in their slots, changes that go on, and the signatures that Microsoft's documents show."""

import base64
from typing import Any

import pytest
from starlette.requests import Request

from sandbox.arm.accounts import KeyedAccounts
from sandbox.data_plane.signatures import is_near, is_signed, signature
from sandbox.data_plane.storage import string_to_sign
from sandbox.estate.accounts import Account, Change, Key, KeyRing
from sandbox.estate.keyed import COSMOS, KEYED_TYPES, SERVICE_BUS, STORAGE
from sandbox.profiles import demo

NOW = 1_795_000_000
# Published in "Access control in the Azure Cosmos DB SQL API" and good for nothing else.
EXAMPLE_KEY = (
    "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw=="
)


def request(path: str, query: str, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }
    return Request(scope)


def test_the_documents_example_of_a_cosmos_signature_is_reproduced() -> None:
    text = "get\ndbs\ndbs/ToDoList\nthu, 27 apr 2017 00:51:12 gmt\n\n"

    assert signature(EXAMPLE_KEY, text) == "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c="
    assert is_signed(["AAAA", EXAMPLE_KEY], text, "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c=")
    assert not is_signed(["AAAA"], text, "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c=")


def test_the_documents_example_of_a_storage_string_to_sign_is_reproduced() -> None:
    asked = request(
        "/mycontainer",
        "restype=container&comp=metadata&timeout=20",
        x_ms_version="2015-02-21",
        x_ms_date="Fri, 26 Jun 2015 23:39:12 GMT",
        content_length="0",
    )

    assert string_to_sign(asked, "myaccount") == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
        "x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\n"
        "timeout:20"
    )


def test_the_date_is_signed_once_and_a_querys_values_in_their_order() -> None:
    dated = request("/", "comp=list&include=b&include=a", date="D", x_ms_date="X", range="r")
    plain = request("/", "comp=list", date="D")

    assert "\nD\n" not in string_to_sign(dated, "a")
    assert string_to_sign(dated, "a").endswith("\nr\nx-ms-date:X\n/a/\ncomp:list\ninclude:a,b")
    assert "\nD\n" in string_to_sign(plain, "a")


@pytest.mark.parametrize("date", ["Sun, 15 Nov 2026 14:26:40 GMT", "no date", ""])
def test_a_date_far_away_or_none_at_all_is_not_near(date: str) -> None:
    assert not is_near(date, 0)


def test_a_date_is_near_for_a_quarter_of_an_hour() -> None:
    date = "Thu, 01 Jan 1970 01:00:00 GMT"

    assert is_near(date, 3_600 + 900)
    assert is_near(date, 3_600 - 900)
    assert not is_near(date, 3_600 + 901)
    assert is_near(date.removesuffix(" GMT"), 3_600)


def test_a_change_stands_when_it_is_due_and_not_before() -> None:
    ring = KeyRing(keys={"a": Key("old", 1.0), "b": Key("other", 1.0)})
    change = Change(id="1", ring=ring, slot="a", value="new", due=10.0)
    account = Account(
        type="T",
        name="n",
        subscription_id="s",
        resource_group="g",
        location="l",
        created=0,
        sku="x",
    )
    account.add_ring(ring)
    account.change = change

    account.settle(9.9)
    before = list(account.values())
    account.settle(10.0)

    assert before == ["old", "other"]
    assert list(account.values()) == ["new", "other"]
    assert account.change is None


def test_no_repr_shows_a_key() -> None:
    account = next(iter(demo.make(7, NOW).accounts.values()))
    ring = account.rings[""]
    account.change = Change(id="1", ring=ring, slot="key1", value="hidden value", due=NOW)

    shown = repr(account)

    assert "hidden value" not in shown
    assert not any(key.value in shown for key in ring.keys.values())


def test_contoso_has_three_of_each_type_with_keys_as_long_as_the_services() -> None:
    accounts = demo.make(7, NOW).accounts
    lengths = {
        account.type: {
            len(key.value) for ring in account.rings.values() for key in ring.keys.values()
        }
        for account in accounts.values()
    }

    assert len(accounts) == 3 * len(KEYED_TYPES)
    assert lengths[STORAGE.type] == lengths[COSMOS.type] == {88}
    assert lengths[SERVICE_BUS.type] == {44}
    values = [k.value for a in accounts.values() for r in a.rings.values() for k in r.keys.values()]
    assert len(set(values)) == len(values)
    assert all(base64.b64decode(value) for value in values)


@pytest.mark.parametrize(
    ("path", "row", "name", "rule", "verb"),
    [
        ("providers/Microsoft.Storage/storageAccounts", STORAGE, "", None, ""),
        ("resourceGroups/g/providers/microsoft.storage/STORAGEACCOUNTS/a", STORAGE, "a", None, ""),
        (
            "resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n/AuthorizationRules/r/listKeys",
            SERVICE_BUS,
            "n",
            "r",
            "/listKeys",
        ),
        (
            "resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n/AuthorizationRules",
            SERVICE_BUS,
            "n",
            "",
            "",
        ),
        (
            "providers/Microsoft.DocumentDB/locations/l/operationsStatus/1",
            COSMOS,
            "l",
            None,
            "/operationsStatus/1",
        ),
    ],
)
def test_a_path_names_a_type_a_resource_a_rule_and_what_to_do(
    path: str, row: object, name: str, rule: str | None, verb: str
) -> None:
    asked = KeyedAccounts(world=None).asked_for(f"subscriptions/s/{path}")  # type: ignore[arg-type] # not looked at

    assert asked is not None
    assert (asked.row, asked.subscription, asked.name) == (row, "s", name)
    assert (asked.rule, asked.verb) == (rule, verb)


@pytest.mark.parametrize(
    "path",
    [
        "subscriptions/s",
        "subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v",
        "subscriptions/s/providers/Microsoft.Compute/locations/l/operations/1",
        "subscriptions/s/providers/Microsoft.Storage/storageAccounts/a/providers/Microsoft.X/y",
    ],
)
def test_a_path_to_anything_else_is_not_ours(path: str) -> None:
    assert KeyedAccounts(world=None).asked_for(path) is None  # type: ignore[arg-type] # not looked at
