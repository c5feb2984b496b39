"""Key Vault's lists, as azure-keyvault-* reads them, hold exactly what the vault holds."""

from collections.abc import Mapping
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.certificates.aio import CertificateClient
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.secrets.aio import SecretClient

from tests.support.sandbox import Sandbox, Way, way_to

KINDS = ("secrets", "keys", "certificates")
VERSION = "api-version=2025-07-01"


def is_readable(vault: Mapping[str, Any]) -> bool:
    return all(vault["readableBy"]["discover"].values())


def is_paged(vault: Mapping[str, Any]) -> bool:
    return is_readable(vault) and len(vault["secrets"]) > 50


async def rows(way: Way, url: str, token: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Follow a list to its end; return its rows and how many each page held."""
    found: list[dict[str, Any]] = []
    sizes: list[int] = []
    following: str | None = url
    while following:
        status, body, _ = await way.get(following, token)
        assert status == 200, body
        found += body["value"]
        sizes.append(len(body["value"]))
        following = body["nextLink"]
    return found, sizes


async def test_every_kind_of_item_reads_with_its_own_client(way: Way) -> None:
    vault = way.sandbox.vault(is_paged)
    url, identity = way.sandbox.url(vault), way.identity()

    async with (
        identity,
        SecretClient(url, identity, transport=way.transport()) as secrets,
        KeyClient(url, identity, transport=way.transport()) as keys,
        CertificateClient(url, identity, transport=way.transport()) as certificates,
    ):
        read_secrets = {s.name: s async for s in secrets.list_properties_of_secrets()}
        read_keys = {k.name: k async for k in keys.list_properties_of_keys()}
        read_certificates = {
            c.name: c async for c in certificates.list_properties_of_certificates()
        }

    true_secrets = {row["id"].rsplit("/", 1)[1]: row for row in vault["secrets"]}
    assert read_secrets.keys() == true_secrets.keys()
    for name, row in true_secrets.items():
        assert read_secrets[name].content_type == row.get("contentType")
        assert (read_secrets[name].tags or {}) == row.get("tags", {})
        assert read_secrets[name].enabled == row["attributes"]["enabled"]
        assert bool(read_secrets[name].expires_on) == ("exp" in row["attributes"])
    assert read_keys.keys() == {row["kid"].rsplit("/", 1)[1] for row in vault["keys"]}
    managed = {name for name, key in read_keys.items() if key.managed}
    assert managed == read_certificates.keys()
    for row in vault["certificates"]:
        read = read_certificates[row["id"].rsplit("/", 1)[1]]
        assert read.x509_thumbprint
        assert read.recovery_level == row["attributes"]["recoveryLevel"]


async def test_the_lists_of_any_estate_equal_the_truth(random_sandbox: Sandbox) -> None:
    async with way_to(random_sandbox) as way:
        token = await way.token("vault")
        for vault in filter(is_readable, random_sandbox.control.truth()["vaults"]):
            for kind in KINDS:
                url = f"{random_sandbox.url(vault)}/{kind}?{VERSION}"
                read, sizes = await rows(way, url, token)

                true = [{k: v for k, v in row.items() if k != "versions"} for row in vault[kind]]
                assert read == true
                assert max(sizes) <= 25
                assert all(size == 25 for size in sizes[:-1])


async def test_a_page_holds_as_many_as_asked_for_up_to_twenty_five(way: Way) -> None:
    vault = way.sandbox.vault(is_paged)
    token = await way.token("vault")
    url = f"{way.sandbox.url(vault)}/secrets?{VERSION}"

    read, sizes = await rows(way, f"{url}&maxresults=7", token)

    assert set(sizes[:-1]) == {7}
    assert len(read) == len(vault["secrets"])
    for wrong in ("26", "0", "-1", "many"):
        status, body, _ = await way.get(f"{url}&maxresults={wrong}", token)
        assert (status, body["error"]["code"]) == (400, "BadParameter")


async def test_the_next_link_names_the_vault_with_its_port(way: Way) -> None:
    vault = way.sandbox.vault(is_paged)
    token = await way.token("vault")

    _, body, _ = await way.get(f"{way.sandbox.url(vault)}/secrets?{VERSION}", token)

    assert body["nextLink"].startswith(f"{way.sandbox.url(vault)}/secrets?{VERSION}&$skiptoken=")
    forged = body["nextLink"].partition("$skiptoken=")[0] + "$skiptoken=nonsense"
    status, body, _ = await way.get(forged, token)
    assert (status, body["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("version", ["7.0", "7.4", "7.6", "7.6-preview.2", "2025-07-01"])
async def test_known_api_versions_are_taken(way: Way, version: str) -> None:
    url = way.sandbox.url(way.sandbox.vault(is_readable))

    status, _, _ = await way.get(f"{url}/keys?api-version={version}", await way.token("vault"))

    assert status == 200


@pytest.mark.parametrize("query", ["", "?api-version=6.9", "?api-version=latest"])
async def test_a_missing_or_unknown_api_version_is_a_bad_parameter(way: Way, query: str) -> None:
    url = way.sandbox.url(way.sandbox.vault(is_readable))

    status, body, _ = await way.get(f"{url}/keys{query}", await way.token("vault"))

    assert (status, body["error"]["code"]) == (400, "BadParameter")


async def test_versions_of_each_kind_are_listed(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: is_readable(v) and any(len(row["versions"]) > 1 for row in v["certificates"])
    )
    token = await way.token("vault")
    for kind in KINDS:
        row = max(vault[kind], key=lambda item: len(item["versions"]))
        name = row.get("id", row.get("kid", "")).rsplit("/", 1)[1]
        read, _ = await rows(
            way, f"{way.sandbox.url(vault)}/{kind}/{name}/versions?{VERSION}", token
        )

        def by_id(item: dict[str, Any]) -> str:
            return str(item.get("id", item.get("kid")))

        assert sorted(read, key=by_id) == sorted(row["versions"], key=by_id)


async def test_what_was_deleted_is_listed_with_when_it_goes_for_good(way: Way) -> None:
    vault = way.sandbox.vault(lambda v: is_readable(v) and v["deleted_secrets"])
    token = await way.token("vault")

    read, _ = await rows(way, f"{way.sandbox.url(vault)}/deletedsecrets?{VERSION}", token)

    assert read == vault["deleted_secrets"]
    assert all(row["scheduledPurgeDate"] > row["deletedDate"] for row in read)


async def test_an_unknown_vault_is_not_found(way: Way) -> None:
    url = f"https://nothing{way.ready['vault_suffix']}"
    async with (
        way.identity() as identity,
        SecretClient(url, identity, transport=way.transport()) as client,
    ):
        with pytest.raises(HttpResponseError):
            _ = [item async for item in client.list_properties_of_secrets()]
