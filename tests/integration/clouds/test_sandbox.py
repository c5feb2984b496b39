"""The real adapters against the simulated cloud: as blind, as polite and as exact as promised."""

import asyncio
import fnmatch
from collections.abc import AsyncIterator

import pytest
from azure.keyvault.secrets.aio import SecretClient

from services.scanner.adapters import Clouds, open_clouds
from services.scanner.domain.inventory import Item, VaultRef
from shared.clouds import SingleFlightCredential, Timeouts, make_source, open_session
from shared.clouds.errors import (
    AccessDeniedError,
    FirewalledError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
)
from tests.support import truth
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox, way_to

IMPATIENT = Timeouts(connect=5.0, read=1.0, total=30.0)


@pytest.fixture
async def clouds(sandbox: Sandbox, environment: None) -> AsyncIterator[Clouds]:
    del environment
    sandbox.control.clear_log()
    async with open_clouds(settings_for(sandbox)) as clouds:
        yield clouds


@pytest.fixture
async def impatient(sandbox: Sandbox, environment: None) -> AsyncIterator[Clouds]:
    """Discovery that waits a second for an answer, so that a hang is over soon."""
    del environment
    async with open_clouds(settings_for(sandbox), timeouts=IMPATIENT) as clouds:
        yield clouds


@pytest.fixture
def vault(sandbox: Sandbox) -> VaultRef:
    """The largest of the vaults that can be read."""
    told = sandbox.control.truth()
    closed = truth.unreadable(told, "discover")
    found = truth.items(told)
    name = max((name for name in found if name not in closed), key=lambda name: len(found[name]))
    return next(vault for vault in truth.vaults(told).values() if vault.name == name)


async def read(clouds: Clouds, vault: VaultRef) -> list[Item]:
    return [item async for page in clouds.vaults.items(vault) for item in page]


async def read_all(clouds: Clouds) -> int:
    """Discover everything; return how many vaults could not be read."""
    subscriptions = await clouds.estate.subscriptions()
    vaults = await clouds.estate.vaults([subscription.id for subscription in subscriptions])
    found = await asyncio.gather(*(read(clouds, vault) for vault in vaults), return_exceptions=True)
    _ = [list(page) async for page in clouds.directory.listing()]
    return sum(isinstance(each, BaseException) for each in found)


async def test_a_whole_discovery_asks_for_no_value_and_contacts_the_listed_hosts_only(
    sandbox: Sandbox, clouds: Clouds
) -> None:
    unreadable = await read_all(clouds)

    log = sandbox.control.log()
    hosts = {entry["host"].partition(":")[0] for entry in log}
    cloud = settings_for(sandbox)
    listed = set(cloud.hosts())
    opened_by_keys = {f"*{suffix}" for suffix in cloud.planes.values()}
    beyond = {host for host in hosts if not any(fnmatch.fnmatch(host, name) for name in listed)}
    assert unreadable == 2
    assert beyond == {"127.0.0.1"}, "only the machine's own identity endpoint"
    contacted = {name for name in listed if fnmatch.filter(hosts, name)}
    assert contacted == listed - opened_by_keys, "discovery opens nothing with a resource's key"
    assert {entry["path"] for entry in log if ".vault." in entry["host"]} == {
        "/secrets",
        "/keys",
        "/certificates",
    }


async def test_the_discover_identity_could_not_read_a_value_even_with_another_client(
    sandbox: Sandbox, vault: VaultRef, environment: None
) -> None:
    del environment
    held = truth.items(sandbox.control.truth())[vault.name]
    name = next(name for name in held if name.startswith("secrets/"))

    async with way_to(sandbox) as way:
        token = await way.token("vault")
        listed, _, _ = await way.get(f"{vault.uri}secrets?api-version=7.6", token)
        read, body, _ = await way.get(f"{vault.uri}{name}?api-version=7.6", token)

    assert (listed, read) == (200, 403)
    assert "value" not in body


async def test_every_token_is_asked_for_once(sandbox: Sandbox, clouds: Clouds) -> None:
    await read_all(clouds)

    asked = [entry for entry in sandbox.control.log() if entry["path"] == "/msi/token"]
    assert len(asked) == 3


async def test_tokens_that_were_revoked_are_replaced_once_each(
    sandbox: Sandbox, clouds: Clouds
) -> None:
    await read_all(clouds)
    sandbox.control.revoke("discover")
    sandbox.control.clear_log()

    assert await read_all(clouds) == 2

    asked = [entry for entry in sandbox.control.log() if entry["path"] == "/msi/token"]
    assert len(asked) == 3


async def test_a_vault_says_why_it_cannot_be_read(sandbox: Sandbox, clouds: Clouds) -> None:
    told = sandbox.control.truth()
    closed = truth.unreadable(told, "discover")
    kinds = set()
    for vault in truth.vaults(told).values():
        if vault.name in closed:
            with pytest.raises((AccessDeniedError, FirewalledError)) as failed:
                await read(clouds, vault)
            kinds.add(type(failed.value))

    assert kinds == {AccessDeniedError, FirewalledError}


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 429, "headers": {"Retry-After": "1"}, "count": 1},
        {"status": 503, "count": 1},
        {"reset": True, "count": 1},
        {"hang": True, "count": 1},
    ],
    ids=["throttled", "unavailable", "reset", "hang"],
)
async def test_a_fault_that_passes_is_sat_out(
    sandbox: Sandbox, impatient: Clouds, vault: VaultRef, rule: dict[str, object]
) -> None:
    with sandbox.control.fault(path="^/keys", **rule):
        found = await read(impatient, vault)

    assert len(found) == len(truth.items(sandbox.control.truth())[vault.name])


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"status": 429, "headers": {"Retry-After": "600"}}, ThrottledError),
        ({"status": 500}, UnavailableError),
        ({"reset": True}, UnavailableError),
        ({"hang": True}, TimedOutError),
    ],
    ids=["throttled", "unavailable", "reset", "hang"],
)
async def test_a_fault_that_stays_is_that_vaults_error_and_no_other_ones(
    sandbox: Sandbox,
    impatient: Clouds,
    vault: VaultRef,
    rule: dict[str, object],
    kind: type[Exception],
) -> None:
    with sandbox.control.fault(host=vault.name, path="^/certificates", **rule):
        with pytest.raises(kind, match=f"the certificates of vault {vault.name}"):
            await read(impatient, vault)
        others = [v for v in truth.vaults(sandbox.control.truth()).values() if v != vault]
        assert await read(impatient, others[0])


async def test_the_management_api_answers_where_resource_graph_fails(
    sandbox: Sandbox, clouds: Clouds
) -> None:
    ids = [subscription.id for subscription in await clouds.estate.subscriptions()]
    with sandbox.control.fault(path="ResourceGraph", status=400):
        found = await clouds.estate.vaults(ids)

    assert {vault.resource_id: vault for vault in found} == truth.vaults(sandbox.control.truth())


async def test_azures_own_client_lists_the_same_secrets(
    sandbox: Sandbox, clouds: Clouds, vault: VaultRef
) -> None:
    ours = {item.name: item for item in await read(clouds, vault) if item.kind == "secret"}

    async with (
        way_to(sandbox) as way,
        way.identity() as identity,
        SecretClient(vault.uri, identity, transport=way.transport()) as client,
    ):
        typed = {each.name: each async for each in client.list_properties_of_secrets()}

    assert {name: _told(item) for name, item in ours.items()} == {
        name: (
            each.enabled,
            each.created_on,
            each.updated_on,
            each.not_before,
            each.expires_on,
            each.content_type,
            each.tags or {},
            each.recovery_level,
            each.recoverable_days,
        )
        for name, each in typed.items()
    }


def _told(item: Item) -> tuple[object, ...]:
    return (
        item.enabled,
        item.created_on,
        item.updated_on,
        item.not_before,
        item.expires_on,
        item.content_type,
        item.tags,
        item.recovery_level,
        item.recoverable_days,
    )


async def test_a_virtual_machines_identity_endpoint_serves_as_well(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sandbox.ready["imds_host"])

    async with open_clouds(settings_for(sandbox)) as clouds:
        assert await clouds.estate.subscriptions()


async def test_an_identity_endpoint_that_fails_is_said_to_every_caller(
    sandbox: Sandbox, clouds: Clouds, vault: VaultRef
) -> None:
    with sandbox.control.fault(path="^/msi/token", status=400):
        found = await asyncio.gather(
            *(read(clouds, vault) for _ in range(20)), return_exceptions=True
        )

    assert len({str(error) for error in found}) == 1


async def test_a_clock_that_is_wrong_by_an_hour_costs_no_more_tokens(
    sandbox: Sandbox, environment: None
) -> None:
    """The identity endpoint's clock is ahead: its tokens seem to live longer than they do."""
    del environment
    settings = settings_for(sandbox)
    with sandbox.control.moved_clock(3600):
        async with (
            open_session(settings) as session,
            SingleFlightCredential(make_source(session)) as credential,
        ):
            tokens = {
                (await credential.get_token_info(settings.vault_scope)).token for _ in range(5)
            }

    assert len(tokens) == 1
