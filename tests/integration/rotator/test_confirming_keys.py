"""Confirming which secrets hold a key of a resource: one credential for both of its keys."""

from collections.abc import AsyncIterator

import pytest

from shared.errors import PermanentError
from shared.events import CredentialRef
from tests.support.database import Database
from tests.support.rotator import RESOURCE, Tenant, tenant

NAMESPACE = RESOURCE.replace("Storage/storageAccounts", "ServiceBus/namespaces")
AUDIT = "SELECT action, scope FROM audit.entry WHERE service = 'rotator' ORDER BY id"


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Tenant]:
    async with tenant(database) as shop:
        yield shop


async def test_a_confirmed_key_has_its_resource_its_slot_and_its_places(shop: Tenant) -> None:
    credential_id = await shop.confirm_key(slot="key2")

    found = await shop.row("credential", credential_id)
    subject = CredentialRef.model_validate(found["subject"])
    assert (found["driver"], found["target"]) == ("storage_key", RESOURCE.lower())
    assert found["key_id"] == "key2"
    assert (subject.name, subject.container) == ("access key", "stshop")
    assert subject.item_id == shop.secrets[0].item_id
    assert subject.subscription_id == RESOURCE.split("/")[2]
    assert {"action": "rotation:confirmed", "scope": RESOURCE} in await shop.estate.rows(AUDIT)


async def test_a_key_of_a_namespace_is_told_by_its_rule(shop: Tenant) -> None:
    credential_id = await shop.confirm_key(
        resource=f"{NAMESPACE}/authorizationRules/Root", slot="primary"
    )

    found = await shop.row("credential", credential_id)
    assert found["driver"] == "service_bus_key"
    assert CredentialRef.model_validate(found["subject"]).name == "root"


@pytest.mark.parametrize(
    ("resource", "slot"),
    [
        (RESOURCE, "key3"),
        (RESOURCE, None),
        (RESOURCE, "primary"),
        (NAMESPACE, "primary"),
        (RESOURCE.replace("Storage/storageAccounts", "Cache/redis"), "primary"),
    ],
)
async def test_what_has_no_such_key_is_not_rotated(
    shop: Tenant, resource: str, slot: str | None
) -> None:
    with pytest.raises(PermanentError, match="is not a key of a resource"):
        await shop.confirm_key(resource=resource, slot=slot)


async def test_two_rotations_never_renew_each_others_keys(shop: Tenant) -> None:
    first = await shop.confirm_key(shop.secrets[0], slot="key1")

    with pytest.raises(PermanentError, match="lock each other out"):
        await shop.confirm_key(shop.secrets[1], resource=RESOURCE.upper(), slot="key2")
    await shop.release(first)
    await shop.confirm_key(shop.secrets[1], slot="key2")


async def test_only_secrets_that_are_there_hold_a_key(shop: Tenant) -> None:
    await shop.estate.delete(shop.secrets[1])

    with pytest.raises(PermanentError, match="Not all of these"):
        await shop.confirm_key()
