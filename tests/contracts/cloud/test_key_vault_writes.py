"""Writing secrets and keys with Azure's own clients, by an identity that may."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.secrets.aio import SecretClient

from tests.support.sandbox import Way

END = datetime(2027, 3, 1, 12, tzinfo=UTC)


def for_rotation(vault: Mapping[str, Any]) -> bool:
    return bool(
        vault["readableBy"]["rotate"]["secrets"]
        and vault["properties"].get("enablePurgeProtection") is None
    )


@pytest.fixture
async def secrets(way: Way) -> AsyncIterator[SecretClient]:
    url = way.sandbox.url(way.sandbox.vault(for_rotation))
    async with (
        way.identity("rotate") as identity,
        SecretClient(url, identity, transport=way.transport(), retry_total=0) as client,
    ):
        yield client


def new_name() -> str:
    return f"written-{uuid4().hex[:12]}"


async def test_a_secret_is_read_back_as_it_was_set(secrets: SecretClient) -> None:
    name = new_name()

    await secrets.set_secret(
        name, "first", tags={"team": "größe"}, content_type="text/plain", expires_on=END
    )
    read = await secrets.get_secret(name)

    assert read.value == "first"
    assert read.properties.tags == {"team": "größe"}
    assert read.properties.content_type == "text/plain"
    assert read.properties.expires_on == END
    assert read.properties.enabled


async def test_setting_again_adds_a_version_and_the_first_stays(secrets: SecretClient) -> None:
    name = new_name()
    first = await secrets.set_secret(name, "first")
    second = await secrets.set_secret(name, "second")

    versions = [v.version async for v in secrets.list_properties_of_secret_versions(name)]

    assert sorted(versions) == sorted([first.properties.version, second.properties.version])
    assert (await secrets.get_secret(name)).value == "second"
    assert (await secrets.get_secret(name, first.properties.version)).value == "first"


async def test_attributes_change_in_place(secrets: SecretClient) -> None:
    name = new_name()
    made = await secrets.set_secret(name, "value", tags={"a": "b"})

    changed = await secrets.update_secret_properties(
        name, enabled=False, expires_on=END + timedelta(days=1)
    )

    assert changed.version == made.properties.version
    assert changed.tags == {"a": "b"}
    assert changed.expires_on == END + timedelta(days=1)
    with pytest.raises(HttpResponseError, match="not allowed on a disabled secret"):
        await secrets.get_secret(name)


async def test_a_list_shows_each_change_at_once_whoever_made_it(
    way: Way, secrets: SecretClient
) -> None:
    name, vault = new_name(), way.sandbox.vault(for_rotation)["name"]

    async def listed() -> tuple[bool, str | None] | None:
        found = [s async for s in secrets.list_properties_of_secrets() if s.name == name]
        return (found[0].enabled, found[0].content_type) if found else None

    assert await listed() is None
    await secrets.set_secret(name, "first")
    assert await listed() == (True, None)
    await secrets.update_secret_properties(name, enabled=False)
    assert await listed() == (False, None)
    way.sandbox.control.write(vault=vault, kind="secret", name=name, content_type="text/plain")
    assert await listed() == (False, "text/plain")
    await secrets.delete_secret(name)
    assert await listed() is None


async def test_a_deleted_secret_blocks_its_name_until_it_is_recovered(
    secrets: SecretClient,
) -> None:
    name = new_name()
    await secrets.set_secret(name, "value")

    deleted = await secrets.delete_secret(name, _polling_interval=0)
    with pytest.raises(ResourceNotFoundError):
        await secrets.get_secret(name)
    with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
        await secrets.set_secret(name, "again")
    await secrets.recover_deleted_secret(name, _polling_interval=0)

    assert deleted.scheduled_purge_date > deleted.deleted_date
    assert (await secrets.get_secret(name)).value == "value"


async def test_what_is_being_recovered_is_read_but_not_written(
    way: Way, secrets: SecretClient
) -> None:
    name, control = new_name(), way.sandbox.control
    await secrets.set_secret(name, "value")
    await secrets.delete_secret(name, _polling_interval=0)

    with control.slow_recovery(30):
        await secrets.recover_deleted_secret(name, _polling_interval=0)
        with pytest.raises(ResourceExistsError, match="currently being recovered"):
            await secrets.set_secret(name, "too early")
        with pytest.raises(ResourceExistsError, match="currently being recovered"):
            await secrets.delete_secret(name)
        assert (await secrets.get_secret(name)).value == "value"
        with control.moved_clock(60):
            await secrets.set_secret(name, "in time")

    assert (await secrets.get_secret(name)).value == "in time"


async def test_a_purged_secret_is_gone_for_good(secrets: SecretClient) -> None:
    name = new_name()
    await secrets.set_secret(name, "value")
    await secrets.delete_secret(name, _polling_interval=0)

    await secrets.purge_deleted_secret(name)

    with pytest.raises(ResourceNotFoundError):
        await secrets.get_deleted_secret(name)
    await secrets.set_secret(name, "free again")


async def test_purge_protection_keeps_what_was_deleted(way: Way) -> None:
    vault = way.sandbox.vault(
        lambda v: (
            v["readableBy"]["rotate"]["secrets"] and v["properties"].get("enablePurgeProtection")
        )
    )
    name = new_name()
    async with (
        way.identity("rotate") as identity,
        SecretClient(way.sandbox.url(vault), identity, transport=way.transport()) as client,
    ):
        await client.set_secret(name, "value")
        await client.delete_secret(name, _polling_interval=0)
        with pytest.raises(HttpResponseError, match="purge protection"):
            await client.purge_deleted_secret(name)


async def test_keys_are_made_changed_and_deleted(way: Way) -> None:
    url = way.sandbox.url(way.sandbox.vault(for_rotation))
    name = new_name()
    async with (
        way.identity("rotate") as identity,
        KeyClient(url, identity, transport=way.transport()) as keys,
    ):
        made = await keys.create_ec_key(name, curve="P-384", tags={"a": "b"})
        changed = await keys.update_key_properties(name, expires_on=END)
        await keys.delete_key(name, _polling_interval=0)
        with pytest.raises(ResourceNotFoundError):
            await keys.get_key(name)

    assert (made.key.kty, made.key.crv) == ("EC", "P-384")
    assert changed.properties.expires_on == END
    assert changed.properties.tags == {"a": "b"}


async def test_a_certificates_own_secret_is_not_written_by_itself(
    way: Way, secrets: SecretClient
) -> None:
    vault = way.sandbox.vault(for_rotation)
    name = vault["certificates"][0]["id"].rsplit("/", 1)[1]

    with pytest.raises(HttpResponseError) as refused:
        await secrets.set_secret(name, "mine")

    assert refused.value.status_code == 403


async def test_who_may_only_read_does_not_write(way: Way) -> None:
    url = way.sandbox.url(way.sandbox.vault(for_rotation))
    async with (
        way.identity("sync") as identity,
        SecretClient(url, identity, transport=way.transport()) as client,
    ):
        with pytest.raises(HttpResponseError, match="setSecret/action"):
            await client.set_secret(new_name(), "value")


@pytest.mark.parametrize(
    ("name", "value"), [("under_score", "value"), ("x" * 128, "value"), ("long", "x" * 25_601)]
)
async def test_names_and_values_have_their_limits(
    secrets: SecretClient, name: str, value: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await secrets.set_secret(name, value)

    assert refused.value.status_code == 400


async def test_two_writes_to_one_name_at_once_end_in_a_conflict(secrets: SecretClient) -> None:
    name = new_name()

    results = await asyncio.gather(
        *(secrets.set_secret(name, str(n)) for n in range(5)), return_exceptions=True
    )

    conflicts = [result for result in results if isinstance(result, HttpResponseError)]
    assert {conflict.status_code for conflict in conflicts} == {409}
    written = [v async for v in secrets.list_properties_of_secret_versions(name)]
    assert len(written) == len(results) - len(conflicts)
