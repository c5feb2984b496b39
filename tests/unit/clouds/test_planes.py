"""To which hosts a request signed with a resource's key may go, and how resources are named."""

from pathlib import Path

import pytest

from shared.clouds.settings import CloudSettings, china, public, sandbox, usgov
from shared.crypto import derived_key
from shared.keyed_resources import KEYED_TYPES, STORAGE, KeyedResource

SANDBOX = sandbox(port=8443, ca_file=Path("ca.pem"))
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-Web_(1)/providers/Microsoft.Storage"
    "/storageAccounts/stWeb"
)


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        (public(), "https://stweb.blob.core.windows.net"),
        (usgov(), "https://stweb.blob.core.usgovcloudapi.net"),
        (china(), "https://stweb.blob.core.chinacloudapi.cn"),
        (SANDBOX, "https://stweb.blob.sandbox.localhost:8443"),
    ],
)
def test_a_resource_is_reached_at_its_clouds_own_host(cloud: CloudSettings, host: str) -> None:
    assert cloud.resource("blob", "stweb") == host
    assert cloud.owns_plane("blob", host)
    assert f"*{cloud.planes['blob']}" in cloud.hosts()


@pytest.mark.parametrize(
    "url",
    [
        "http://stweb.blob.core.windows.net",
        "https://blob.core.windows.net",
        "https://a.b.blob.core.windows.net",
        "https://stweb.blob.core.windows.net.evil.example",
        "https://stweb.documents.azure.com",
        "https://stweb.blob.core.windows.net:8443",
        "https://key@stweb.blob.core.windows.net",
    ],
)
def test_no_other_host_is_sent_a_signed_request(url: str) -> None:
    assert not public().owns_plane("blob", url)


def test_an_id_is_the_same_resource_however_it_is_written() -> None:
    found = KeyedResource.parse(f" {ACCOUNT}/ ")

    assert found is not None
    assert found == KeyedResource.parse(ACCOUNT.upper()) == KeyedResource.parse(str(found))
    assert (found.name, found.group, found.type, found.rule) == (
        "stweb",
        "rg-web_(1)",
        STORAGE,
        None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stweb",
        ACCOUNT.replace("Storage/storageAccounts", "Cache/redis"),
        f"{ACCOUNT}/authorizationRules/Root",
        f"{ACCOUNT}/../other",
        ACCOUNT.replace("Storage/storageAccounts", "ServiceBus/namespaces"),
    ],
)
def test_what_has_no_two_keys_is_no_resource_of_ours(text: str) -> None:
    assert KeyedResource.parse(text) is None


def test_keys_of_a_namespace_are_those_of_a_rule() -> None:
    namespace = ACCOUNT.replace("Storage/storageAccounts", "ServiceBus/namespaces")
    found = KeyedResource.parse(f"{namespace}/AuthorizationRules/Root.Manage_1")

    assert found is not None
    assert found.rule == "root.manage_1"
    assert str(found).endswith("/stweb/authorizationrules/root.manage_1")


@pytest.mark.parametrize("row", KEYED_TYPES.values(), ids=lambda row: row.kind)
def test_each_slot_has_another_one_beside_it(row: object) -> None:
    found = KEYED_TYPES[row.type]  # type: ignore[attr-defined]
    first, second = found.slots

    assert (found.other(first), found.other(second), found.other("third")) == (second, first, None)


def test_a_key_is_derived_for_one_purpose_of_one_installation() -> None:
    one = derived_key("a" * 32, purpose="one").fingerprint("value")

    assert one == derived_key("a" * 32, purpose="one").fingerprint("value")
    assert one != derived_key("a" * 32, purpose="two").fingerprint("value")
    assert one != derived_key("b" * 32, purpose="one").fingerprint("value")
