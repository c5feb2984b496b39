"""What a scan is narrowed to, what is left out by choice, and that neither is taken for gone."""

from dataclasses import replace

import pytest

from services.scanner.handlers import on_scan_requested
from shared.clouds.errors import NotFoundError
from shared.events import ScanRequested
from shared.selector import parse_scope
from tests.support.scanner import DAY, NOW, WEST, FakeCloud, Rig, a_message, a_vault, an_item


@pytest.fixture
def cloud(rig: Rig) -> FakeCloud:
    cloud = rig.cloud
    cloud.put(a_vault("kv-pay", tags={"env": "prod"}), an_item("a"), an_item("b"))
    cloud.put(a_vault("kv-web", WEST, tags={"env": "test"}, region="uksouth"), an_item("c"))
    cloud.put(a_vault("kv-old", WEST, tags={"skip": "true"}), an_item("d"))
    return cloud


async def names(rig: Rig) -> set[str]:
    return {vault for vault, _ in await rig.inventory()}


async def scan_within(rig: Rig, scope: str, **event: object) -> dict[str, object]:
    """A whole scan of an installation with SCAN_SCOPE."""
    asked = ScanRequested.model_validate(
        {"scan_id": a_message(ScanRequested).id, "requested_by": "ada", **event}
    )
    await on_scan_requested(
        asked,
        a_message(ScanRequested),
        pool=rig.pool,
        outbox=rig.outbox,
        estate=rig.cloud,
        scope=parse_scope(scope),
    )
    for shard, message in await rig.shards(asked.scan_id):
        await rig.deliver(shard, message)
    return await rig.row(
        "SELECT outcome, error, vaults, excluded, removed FROM scanner.v_scan WHERE id = $1",
        asked.scan_id,
    )


@pytest.mark.parametrize(
    ("selector", "read"),
    [
        ("", {"kv-pay", "kv-web", "kv-old", "directory"}),
        ("sub:east", {"kv-pay"}),
        (f"sub:{WEST} -tag:skip=true", {"kv-web"}),
        ("tag:env=prod,env=test", {"kv-pay", "kv-web"}),
        ("region:uk*", {"kv-web"}),
        ("-tag:skip", {"kv-pay", "kv-web", "directory"}),
        ("source:directory", {"directory"}),
        ("source:vault vault:/-(pay|old)$/", {"kv-pay", "kv-old"}),
    ],
)
async def test_only_the_sources_that_a_selector_means_are_read(
    rig: Rig, cloud: FakeCloud, selector: str, read: set[str]
) -> None:
    scan_id = await rig.scan(selector=selector)

    assert set(cloud.reads) == read
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_narrow_scan_concludes_nothing_about_what_it_did_not_look_at(
    rig: Rig, cloud: FakeCloud
) -> None:
    await rig.scan()
    before = await rig.inventory()
    cloud.vaults_seen = [vault for vault in cloud.vaults_seen if vault.name == "kv-pay"]
    cloud.holds["kv-web"] = cloud.holds["kv-old"] = NotFoundError("gone")

    scan_id = await rig.scan(selector="vault:kv-pay")

    assert await rig.inventory() == before
    assert (await rig.scan_row(scan_id))["vaults"] == 1


async def test_a_vault_whose_tag_no_longer_fits_is_left_alone_and_not_taken_for_missing(
    rig: Rig, cloud: FakeCloud
) -> None:
    await rig.scan()
    cloud.vaults_seen = [replace(vault, tags={"env": "test"}) for vault in cloud.vaults_seen]
    cloud.reads.clear()

    await rig.scan(selector="tag:env=prod")

    assert cloud.reads == []
    assert await names(rig) == {"kv-pay", "kv-web", "kv-old"}


async def test_a_known_vault_that_a_selector_means_and_that_is_gone_is_seen_to_be_gone(
    rig: Rig, cloud: FakeCloud
) -> None:
    await rig.scan()
    cloud.vaults_seen = [vault for vault in cloud.vaults_seen if vault.name != "kv-pay"]
    cloud.holds["kv-pay"] = NotFoundError("gone")

    await rig.scan(selector="vault:kv-p*")

    assert await names(rig) == {"kv-web", "kv-old"}


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        ("vault:kv-none", "fits no source"),
        ("name:db-*", "a vault is read whole or not at all"),
        ("vault:", "expected a value"),
    ],
)
async def test_a_selector_that_fits_nothing_or_cannot_be_read_fails_the_scan_with_a_sentence(
    rig: Rig, cloud: FakeCloud, selector: str, sentence: str
) -> None:
    scan = await rig.scan_row(await rig.scan(selector=selector))

    assert (scan["state"], scan["outcome"]) == ("completed", "failed")
    assert sentence in str(scan["error"])
    assert cloud.reads == []


async def test_what_is_left_out_by_choice_is_excluded_and_its_items_stay_as_they_were(
    rig: Rig, cloud: FakeCloud
) -> None:
    await rig.scan()
    before = await rig.inventory()
    cloud.of("kv-old").clear()
    cloud.reads.clear()

    scan = await scan_within(rig, "-tag:skip=true -source:directory")

    assert set(cloud.reads) == {"kv-pay", "kv-web"}
    assert await rig.inventory() == before
    assert (scan["outcome"], scan["vaults"], scan["excluded"], scan["removed"]) == (
        "complete",
        2,
        2,
        0,
    )
    assert await excluded(rig) == {"kv-old", "Microsoft Entra ID"}
    old = await rig.row(
        "SELECT outcome, deleted_at, items FROM scanner.v_vault WHERE name='kv-old'"
    )
    assert old == {"outcome": "ok", "deleted_at": None, "items": 1}


async def test_an_excluded_vault_that_azure_no_longer_lists_is_excluded_and_not_deleted(
    rig: Rig, cloud: FakeCloud
) -> None:
    await rig.scan()
    cloud.vaults_seen = [vault for vault in cloud.vaults_seen if vault.name != "kv-old"]
    cloud.holds["kv-old"] = NotFoundError("gone")

    await scan_within(rig, "-vault:kv-old")

    assert await excluded(rig) == {"kv-old"}
    assert "kv-old" in await names(rig)


@pytest.mark.usefixtures("cloud")
async def test_a_source_back_in_scope_is_looked_at_again(rig: Rig) -> None:
    await scan_within(rig, "sub:east")
    assert await excluded(rig) == {"kv-web", "kv-old", "Microsoft Entra ID"}

    await scan_within(rig, "", subscription_ids=(WEST,))

    assert await excluded(rig) == {"Microsoft Entra ID"}
    assert await names(rig) == {"kv-pay", "kv-web", "kv-old"}


@pytest.mark.usefixtures("cloud")
async def test_a_scan_outside_the_installations_scope_says_so(rig: Rig) -> None:
    scan = await scan_within(rig, "sub:east", selector="sub:west")

    assert scan["outcome"] == "failed"
    assert "within SCAN_SCOPE “sub:east”" in str(scan["error"])


async def test_each_mode_lists_everything_and_only_force_judges_what_is_unchanged(
    rig: Rig, cloud: FakeCloud
) -> None:
    cloud.put(a_vault("kv-exp"), an_item("e", expires_on=NOW + 20 * DAY))
    await rig.scan()
    await rig.pool.execute(
        "UPDATE scanner.item SET warning_at = expires_on - interval '80 days' WHERE name = 'e'"
    )
    stale = "SELECT warning_at < expires_on - interval '31 days' FROM scanner.item WHERE name = 'e'"
    for mode, left in (("full", True), ("delta", True), ("force", False)):
        cloud.reads.clear()
        await rig.scan(mode=mode)
        assert len(cloud.reads) == 5
        assert await rig.pool.fetchval(stale) is left


async def excluded(rig: Rig) -> set[str]:
    rows = await rig.pool.fetch(
        """
        SELECT v.name FROM scanner.v_vault v JOIN scanner.v_vault_scope s ON s.id = v.id
        WHERE s.excluded_at IS NOT NULL
        """
    )
    return {row["name"] for row in rows}
