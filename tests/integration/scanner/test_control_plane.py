"""Settings, grants and diagnostics in the database: kept when unread, noted when changed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from services.scanner.domain.configuration import NetworkRules, VaultConfiguration
from services.scanner.domain.diagnostics import DiagnosticSetting
from services.scanner.domain.grants import Permission, RoleAssignment, RoleDefinition
from services.scanner.domain.inventory import Subscription, VaultRef
from services.scanner.ports import GrantListing, PartlyListedError
from services.scanner.steps.diagnose import DiagnosticsReader, with_diagnostics
from shared.clouds.errors import (
    AccessDeniedError,
    CloudError,
    Denial,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from shared.events import ScanShardRequested
from shared.events.scanning import ScanMode
from tests.support.scanner import EAST, WEST, CrashedError, Rig, a_vault, an_item
from tests.support.waiting import eventually

SETTINGS = VaultConfiguration(soft_delete=True, retention_days=90, rbac=True)
DENIED = AccessDeniedError("No role allows it.", denial=Denial.ROLE, remedy="Assign Reader.")
READS = RoleDefinition(
    id="reads",
    name="Contoso Operator",
    custom=True,
    permissions=(Permission(data_actions=("Microsoft.KeyVault/vaults/secrets/*",)),),
)


def a_set_vault(name: str = "kv-pay", subscription: str = EAST, **settings: Any) -> VaultRef:
    vault = a_vault(name, subscription, configuration=replace(SETTINGS, **settings))
    return replace(vault, resource_id=vault.resource_id.lower())


def an_assignment(scope: str, principal: str = "p", role: str = "reads") -> RoleAssignment:
    return RoleAssignment(
        id=f"{scope}/{principal}/{role}",
        scope=scope,
        principal_id=principal,
        principal_type="User",
        role_id=role,
    )


@dataclass
class FakeGrants:
    """Answers what a test puts in; an error in place of an answer is raised."""

    answer: GrantListing | CloudError = field(default_factory=GrantListing)

    async def grants(self, subscription_ids: Sequence[str]) -> GrantListing:
        del subscription_ids
        if isinstance(self.answer, CloudError):
            raise self.answer
        return self.answer


@dataclass
class FakeDiagnostics:
    """Answers by vault's name; an error is raised, and a name in `hangs` never answers."""

    answers: dict[str, tuple[DiagnosticSetting, ...] | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hangs: set[str] = field(default_factory=set)

    async def settings(self, vault: VaultRef) -> tuple[DiagnosticSetting, ...]:
        self.asked.append(vault.name)
        if vault.name in self.hangs:
            await asyncio.Event().wait()
        answer = self.answers.get(vault.name, (DiagnosticSetting(name="d"),))
        if isinstance(answer, Exception):
            raise answer
        return answer


async def the_vault(rig: Rig, name: str = "kv-pay") -> dict[str, Any]:
    return await rig.row("SELECT v.* FROM scanner.v_vault v WHERE v.name = $1", name)


async def changes(rig: Rig) -> list[tuple[Any, ...]]:
    rows = await rig.pool.fetch(
        "SELECT vault_name, field, before, after FROM scanner.v_vault_change ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def grants_of(rig: Rig, name: str = "kv-pay") -> set[tuple[Any, ...]]:
    rows = await rig.pool.fetch(
        "SELECT g.how, g.principal_id, g.scope_level, g.reads_values FROM scanner.v_vault_grant g"
        " JOIN scanner.v_vault v ON v.id = g.vault_id WHERE v.name = $1",
        name,
    )
    return {tuple(row) for row in rows}


async def test_what_changed_of_a_vault_is_noted_once(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    await rig.scan()
    assert await changes(rig) == []

    closed = NetworkRules(default_action="Deny", bypass="None", ip_rules=("192.0.2.1/32",))
    changed = replace(a_set_vault(purge_protection=True, network=closed), sku="premium")
    rig.cloud.vaults_seen = [replace(changed, resource_group="RG")]
    for _ in range(2):
        await rig.scan()

    assert [(name, field) for name, field, *_ in await changes(rig)] == [
        ("kv-pay", "sku"),
        ("kv-pay", "purge_protection"),
        ("kv-pay", "network"),
    ]
    assert (await changes(rig))[1][2:] == (None, True)
    row = await the_vault(rig)
    assert row["configuration"]["network"]["ip_rules"] == ["192.0.2.1/32"]


async def test_an_unchanged_estate_writes_no_vault_and_a_changed_one_that_vault(rig: Rig) -> None:
    for number in range(20):
        rig.cloud.put(a_set_vault(f"kv-{number}"))
    await rig.request()
    written = "SELECT v.name, v.ctid::text, v.xmin::text FROM scanner.vault v"
    before = {tuple(row) for row in await rig.pool.fetch(written)}

    await rig.request()
    assert {tuple(row) for row in await rig.pool.fetch(written)} == before

    rig.cloud.vaults_seen[7] = a_set_vault("kv-7", retention_days=7)
    await rig.request()
    after = {tuple(row) for row in await rig.pool.fetch(written)}
    assert {row[0] for row in after - before} == {"kv-7"}


async def test_settings_that_were_not_understood_stay_as_they_were_read(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    await rig.scan()
    broken = replace(a_set_vault(), configuration=None, configuration_reason="It is odd.")
    rig.cloud.vaults_seen = [broken]
    await rig.scan()

    row = await the_vault(rig)
    assert (row["configuration_outcome"], row["configuration_reason"]) == ("failed", "It is odd.")
    assert row["configuration"]["retention_days"] == 90
    assert await changes(rig) == []


async def test_settings_that_nobody_asked_for_are_unknown(rig: Rig) -> None:
    rig.cloud.put(a_vault())
    await rig.scan()

    row = await the_vault(rig)
    parts = ("configuration", "grants", "diagnostics")
    assert [row[f"{part}_outcome"] for part in parts] == [None, None, None]


async def test_a_subscription_that_cannot_be_listed_is_unknown_and_nothing_of_it_is_removed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.cloud.put(a_set_vault("kv-east"), an_item("e"))
    rig.cloud.put(a_set_vault("kv-west", WEST), an_item("w"))
    await rig.scan()

    async def partly(_: object) -> list[VaultRef]:
        raise PartlyListedError(rig.cloud.vaults_seen[:1], {WEST: DENIED})

    monkeypatch.setattr(rig.cloud, "vaults", partly)
    rig.cloud.holds["kv-west"] = NotFoundError("Nothing answers there.")
    scan_id = await rig.scan()

    scan = await rig.scan_row(scan_id)
    assert scan["outcome"] == "partial"
    command = f'--assignee "discover-id" --role "Reader" --scope "/subscriptions/{WEST}"'
    assert command in scan["error"]
    presence = await rig.row(
        "SELECT sv.presence FROM scanner.scan_vault sv JOIN scanner.vault v ON v.id = sv.vault_id"
        " WHERE sv.scan_id = $1 AND v.name = 'kv-west'",
        scan_id,
    )
    assert presence == {"presence": "unseen"}
    assert ("kv-west", "secrets/w") in await rig.inventory()


async def test_the_grants_of_a_vault_are_those_at_above_and_inside_it(rig: Rig) -> None:
    vault = a_set_vault()
    rig.cloud.put(vault)
    group = vault.resource_id.partition("/providers/")[0]
    scopes = {
        "/": "root",
        "/providers/microsoft.management/managementgroups/mg": "management_group",
        f"/subscriptions/{EAST}": "subscription",
        group: "resource_group",
        vault.resource_id: "vault",
        f"{vault.resource_id}/secrets/one": "object",
    }
    beside = [f"{group}2", f"{vault.resource_id}2", f"{vault.resource_id}2/secrets/one"]
    assigned = tuple(an_assignment(scope) for scope in [*scopes, *beside])
    listed = GrantListing(roles=(READS,), assignments={EAST: assigned, WEST: ()})
    rig.grants = FakeGrants(listed)

    await rig.scan()

    expected = {("role", "p", level, True) for level in scopes.values()}
    assert await grants_of(rig) == expected
    assert (await the_vault(rig))["grants_outcome"] == "ok"


async def test_roles_do_not_read_where_policies_decide_and_an_unknown_role_is_unknown(
    rig: Rig,
) -> None:
    rig.cloud.put(a_set_vault())
    rig.cloud.put(replace(a_set_vault("kv-policies"), rbac=False))
    scope = f"/subscriptions/{EAST}"
    assigned = (an_assignment(scope), an_assignment(scope, role="gone"))
    rig.grants = FakeGrants(GrantListing(roles=(READS,), assignments={EAST: assigned}))

    await rig.scan()

    by_role = ("role", "p", "subscription")
    assert await grants_of(rig) == {(*by_role, True), (*by_role, None)}
    assert await grants_of(rig, "kv-policies") == {(*by_role, False)}


@pytest.mark.parametrize("raised", [False, True])
async def test_grants_that_cannot_be_listed_stay_and_say_why(rig: Rig, *, raised: bool) -> None:
    rig.cloud.put(a_set_vault())
    assigned = (an_assignment(f"/subscriptions/{EAST}"),)
    source = FakeGrants(GrantListing(roles=(READS,), assignments={EAST: assigned}))
    rig.grants = source
    await rig.scan()

    source.answer = DENIED if raised else GrantListing(failures={EAST: DENIED})
    scan_id = await rig.scan()

    row = await the_vault(rig)
    assert (row["grants_outcome"], row["grants_reason"]) == ("denied", "No role allows it.")
    assert f'--role "Reader" --scope "/subscriptions/{EAST}"' in row["grants_remedy"]
    assert len(await grants_of(rig)) == 1
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_complete_listing_replaces_what_it_no_longer_has(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    scope = f"/subscriptions/{EAST}"
    both = (an_assignment(scope, "ada"), an_assignment(scope, "ben"))
    source = FakeGrants(GrantListing(roles=(READS,), assignments={EAST: both}))
    rig.grants = source
    await rig.scan()
    source.answer = GrantListing(roles=(READS,), assignments={EAST: both[1:]})
    await rig.scan()

    assert {principal for _, principal, *_ in await grants_of(rig)} == {"ben"}


async def test_a_subscription_that_is_seen_no_more_does_not_count_as_listed(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    rig.grants = FakeGrants(GrantListing(assignments={EAST: ()}))
    await rig.scan()
    rig.grants = FakeGrants()
    rig.cloud.subscriptions_seen = [Subscription(id=WEST, name="West", state="Disabled")]
    rig.cloud.vaults_seen = []
    await rig.scan()

    assert (await the_vault(rig))["grants_outcome"] == "denied"


async def test_a_crash_while_planning_leaves_nothing_of_it(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    await rig.scan()
    rig.cloud.vaults_seen = [a_set_vault(retention_days=7)]
    assigned = (an_assignment(f"/subscriptions/{EAST}"),)
    rig.grants = FakeGrants(GrantListing(roles=(READS,), assignments={EAST: assigned}))
    rig.outbox.crash = ScanShardRequested
    with pytest.raises(CrashedError):
        await rig.request()

    row = await the_vault(rig)
    assert row["configuration"]["retention_days"] == 90
    assert (await changes(rig), await grants_of(rig), row["grants_outcome"]) == ([], set(), None)


async def test_diagnostics_are_read_when_new_changed_old_or_forced(rig: Rig) -> None:
    rig.cloud.put(a_set_vault("kv-a"))
    rig.cloud.put(a_set_vault("kv-b"))
    source = rig.diagnostics = FakeDiagnostics()

    async def read_in(mode: ScanMode = ScanMode.FULL) -> list[str]:
        source.asked.clear()
        await rig.scan(mode=mode)
        return sorted(source.asked)

    assert await read_in(ScanMode.DELTA) == []
    assert await read_in() == ["kv-a", "kv-b"]
    assert await read_in() == []
    rig.cloud.vaults_seen[0] = a_set_vault("kv-a", retention_days=7)
    assert await read_in() == ["kv-a"]
    rig.cloud.vaults_seen[1] = replace(a_set_vault("kv-b"), tags={"team": "x"})
    assert await read_in() == ["kv-b"]
    assert await read_in(ScanMode.FORCE) == ["kv-a", "kv-b"]
    rig.hours = 0
    assert await read_in() == ["kv-a", "kv-b"]


@pytest.mark.parametrize("error", [DENIED, UnavailableError("It failed."), RuntimeError("odd")])
async def test_diagnostics_that_cannot_be_read_stay_and_say_why_and_the_listing_goes_on(
    rig: Rig, error: Exception
) -> None:
    rig.cloud.put(a_set_vault(), an_item())
    source = rig.diagnostics = FakeDiagnostics()
    await rig.scan()
    source.answers["kv-pay"] = error
    scan_id = await rig.scan(mode=ScanMode.FORCE)

    row = await the_vault(rig)
    assert row["diagnostics_outcome"] == ("denied" if error is DENIED else "failed")
    assert row["diagnostics_reason"]
    assert row["diagnostics"][0]["name"] == "d"
    assert (await rig.outcome_of(scan_id, "kv-pay"))["outcome"] == "ok"
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"
    source.asked.clear()
    await rig.scan()
    assert source.asked == ([] if error is DENIED else ["kv-pay"])


async def test_a_changed_diagnostic_setting_is_in_the_feed(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    source = rig.diagnostics = FakeDiagnostics()
    await rig.scan()
    source.answers["kv-pay"] = ()
    await rig.scan(mode=ScanMode.FORCE)

    [(name, changed, before, after)] = await changes(rig)
    assert (name, changed, [one["name"] for one in before], after) == (
        "kv-pay",
        "diagnostics",
        ["d"],
        [],
    )


async def test_being_throttled_ends_a_subscriptions_round(rig: Rig) -> None:
    for number in range(30):
        rig.cloud.put(a_set_vault(f"kv-{number}"))
    source = rig.diagnostics = FakeDiagnostics()
    source.answers = {f"kv-{n}": ThrottledError("Slow down.") for n in range(30)}
    scan_id = await rig.scan()

    assert len(source.asked) < 10
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_a_hanging_reading_ends_with_the_time_for_it_and_not_with_the_scan(rig: Rig) -> None:
    rig.cloud.put(a_set_vault(), an_item())
    source = rig.diagnostics = FakeDiagnostics(hangs={"kv-pay"})
    made = rig.reader()
    assert made is not None
    short = DiagnosticsReader(
        diagnostics=source, pool=rig.pool, writers=made.writers, longest_seconds=0.05
    )
    scan_id = await rig.request()
    for shard, _ in await rig.shards(scan_id):
        await short.read_due(scan_id, shard.shard_id)

    assert source.asked == ["kv-pay"]
    assert (await the_vault(rig))["diagnostics_outcome"] is None


async def test_a_request_that_is_delivered_again_reads_only_what_is_left(rig: Rig) -> None:
    rig.cloud.put(a_set_vault("kv-a"))
    rig.cloud.put(a_set_vault("kv-b"))
    source = rig.diagnostics = FakeDiagnostics()
    source.hangs = {"kv-b"}
    scan_id = await rig.request(mode=ScanMode.FORCE)
    await rig.list_all(scan_id)
    [due] = await rig.due_details(scan_id)
    first = asyncio.create_task(rig.deliver_details(*due))

    async def first_read() -> bool:
        return (await the_vault(rig, "kv-a"))["diagnostics_outcome"] == "ok"

    await eventually(first_read)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    source.hangs, source.asked = set(), []

    await rig.deliver_details(*due)

    assert source.asked == ["kv-b"]
    assert (await rig.scan_row(scan_id))["outcome"] == "complete"


async def test_an_error_of_asking_is_raised_as_it_is_and_ends_the_reading(rig: Rig) -> None:
    rig.cloud.put(a_set_vault())
    source = rig.diagnostics = FakeDiagnostics(hangs={"kv-pay"})
    scan_id = await rig.request()
    shard = await rig.row("SELECT s.shard_id FROM scanner.v_shard s WHERE s.region IS NOT NULL")

    async def asking() -> None:
        await eventually(lambda: source.asked)
        raise CrashedError

    with pytest.raises(CrashedError):
        await with_diagnostics(asking(), rig.reader(), scan_id, shard["shard_id"])

    assert (await the_vault(rig))["diagnostics_outcome"] is None
