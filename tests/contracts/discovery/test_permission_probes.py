"""The permission doctor's probes on the sandbox: what each of its identities is found to be."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.scanner.adapters import GateOf, open_clouds
from services.scanner.adapters.key_vault import open_gate
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_row import Row, State
from services.scanner.steps.doctor import Doctor, Examined
from shared.events.permissions import Answer
from tests.support.discovery import settings_for
from tests.support.sandbox import Sandbox

OPEN, CLOSED = "kv-hr-payroll-prod", "kv-treasury-prod-weu"
LISTS = {"/secrets", "/keys", "/certificates"}
GROUPS = r"/transitiveMemberOf/microsoft\.graph\.group$"


@pytest.fixture(autouse=True)
def _way(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", sandbox.ready["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", sandbox.ready["identity_header"])


@asynccontextmanager
async def doctor(
    sandbox: Sandbox, name: str = "discover", gate: GateOf = open_gate
) -> AsyncIterator[Doctor]:
    cloud = settings_for(sandbox, name)
    async with open_clouds(cloud, gate=gate) as clouds:
        yield Doctor(probes=clouds.permissions, estate=clouds.estate, graph=cloud.graph)


async def examine(sandbox: Sandbox, name: str = "discover", gate: GateOf = open_gate) -> Examined:
    async with doctor(sandbox, name, gate) as found:
        return await found.examine()


def of(examined: Examined, state: State) -> list[Row]:
    return [row for row in examined.verdict.rows if row.state is state]


async def test_discovers_identity_is_clean_but_for_its_two_unreadable_vaults(
    sandbox: Sandbox,
) -> None:
    sandbox.control.clear_log()

    examined = await examine(sandbox)

    assert [row.vault_name for row in of(examined, State.MISSING)] == [OPEN]
    assert [row.vault_name for row in of(examined, State.UNKNOWN)] == [CLOSED]
    assert of(examined, State.EXCESS) == []
    assert examined.verdict.could_read_values is Answer.NO
    assert {one.could_read_values for one in examined.verdict.vaults} == {Answer.NO}
    ready = sandbox.ready["identities"]["discover"]
    assert examined.identity
    assert examined.identity.object_id == ready["object_id"]
    assert examined.identity.client_id == ready["client_id"]
    assert examined.identity.tenant_id == sandbox.ready["tenant_id"]
    assert examined.identity.graph_roles == {"Application.Read.All"}


async def test_no_probe_asks_for_more_than_a_list_and_each_vault_is_asked_four_times(
    sandbox: Sandbox,
) -> None:
    sandbox.control.clear_log()

    await examine(sandbox)

    log = sandbox.control.log()
    vaults = len(sandbox.at_first["vaults"])
    assert {entry["method"] for entry in log} <= {"GET", "POST"}
    asked = [entry for entry in log if ".vault." in entry["host"]]
    assert {entry["path"] for entry in asked} == LISTS
    assert len(asked) == 3 * vaults - 2, "the closed vault is asked once"
    told = [entry for entry in log if entry["path"].endswith("/permissions")]
    assert len(told) == vaults


@dataclass
class CountingGate:
    """A gate that lets everything through and counts."""

    taken: int = 0
    slowed: list[float | None] = field(default_factory=list)

    async def take(self) -> None:
        self.taken += 1

    async def slow_down(self, seconds: float | None) -> None:
        self.slowed.append(seconds)


async def test_each_request_to_a_vault_takes_a_place_in_its_budget_retries_included(
    sandbox: Sandbox,
) -> None:
    gates: defaultdict[str, CountingGate] = defaultdict(CountingGate)
    sandbox.control.clear_log()

    def gate(vault: VaultRef) -> CountingGate:
        return gates[vault.name]

    throttled = {"status": 429, "headers": {"Retry-After": "1"}, "count": 2}
    with sandbox.control.fault(host=rf"^{OPEN}\.vault\.", path="^/keys$", **throttled):
        await examine(sandbox, gate=gate)

    sent = Counter(
        entry["host"].partition(".")[0]
        for entry in sandbox.control.log()
        if ".vault." in entry["host"]
    )
    assert {name: one.taken for name, one in gates.items()} == sent
    assert sent[OPEN] == len(LISTS) + 2
    assert {name: one.slowed for name, one in gates.items() if one.slowed} == {OPEN: [1.0, 1.0]}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("rotate", "Key Vault Secrets Officer"),
        ("sync", "Key Vault Secrets User"),
    ],
)
async def test_the_other_identities_could_read_values_and_the_assignment_is_named(
    sandbox: Sandbox, name: str, role: str
) -> None:
    examined = await examine(sandbox, name)

    assert examined.verdict.could_read_values is Answer.YES
    truth = {v["name"]: v["readableBy"][name]["secrets"] for v in sandbox.at_first["vaults"]}
    found = {one.name for one in examined.verdict.vaults if one.could_read_values is Answer.YES}
    rbac = {
        vault["name"]
        for vault in sandbox.at_first["vaults"]
        if truth[vault["name"]] and vault["properties"]["enableRbacAuthorization"]
    }
    assert found == rbac
    reading = [row for row in of(examined, State.EXCESS) if row.reads_values]
    assert any(role in row.why for row in reading)
    for row in reading:
        assert row.remedy
        assert row.remedy.startswith('az role assignment delete --ids "/subscriptions/')
    assert examined.verdict.rows[0].reads_values


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "rotate",
            {
                ("Application.ReadWrite.OwnedBy", State.EXCESS),
                ("Application.Read.All", State.HAVE),
            },
        ),
        ("sync", {("Application.Read.All", State.MISSING)}),
    ],
)
async def test_a_graph_role_too_much_is_found_in_the_token_and_what_may_be_read_by_a_call(
    sandbox: Sandbox, name: str, rows: set[tuple[str, State]]
) -> None:
    found = (await examine(sandbox, name)).verdict.rows

    assert {(row.permission, row.state) for row in found if row.scope == "Microsoft Graph"} == rows


async def test_every_role_that_reaches_a_vault_is_told(sandbox: Sandbox) -> None:
    vault = next(
        v
        for v in sandbox.at_first["vaults"]
        if v["readableBy"]["rotate"]["secrets"] and v["properties"]["enableRbacAuthorization"]
    )
    async with doctor(sandbox, "rotate") as found:
        (listed,) = [
            one.vault
            for one in await found.probes.vaults(vault["subscriptionId"])
            if one.vault.name == vault["name"]
        ]
        grants = await found.probes.grants(listed)

    assert {"Microsoft.KeyVault/vaults/secrets/*"} <= {
        action for grant in grants for action in grant.data_actions
    }
    assert len(grants) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_permissions_endpoint_in_trouble_leaves_the_vaults_unknown(
    sandbox: Sandbox, status: int
) -> None:
    path = rf"{OPEN}/providers/Microsoft.Authorization/permissions"
    with sandbox.control.fault(path=f"(?i){path}", status=status, headers={"Retry-After": "3600"}):
        examined = await examine(sandbox)

    unknown = {row.vault_name for row in of(examined, State.UNKNOWN)}
    assert unknown == {OPEN, CLOSED}
    assert examined.verdict.could_read_values is Answer.UNKNOWN


async def test_a_revoked_token_is_unknown_and_never_missing(sandbox: Sandbox) -> None:
    with sandbox.control.fault(host=r"\.vault\.", status=401, message="The token was revoked."):
        examined = await examine(sandbox)

    lists = [row for row in examined.verdict.rows if row.vault_name]
    assert {row.state for row in lists} == {State.UNKNOWN}


def policies_of_others(sandbox: Sandbox) -> dict[str, str]:
    """The vaults on which somebody else's policy reads secrets' values, with its object id."""
    known = {one["object_id"] for one in sandbox.at_first["identities"].values()}
    return {
        vault["name"]: entry["objectId"]
        for vault in sandbox.at_first["vaults"]
        if not vault["properties"]["enableRbacAuthorization"]
        for entry in vault["properties"]["accessPolicies"]
        if entry["objectId"] not in known and "get" in map(str.lower, _words(entry))
    }


def _words(entry: dict[str, Any]) -> list[str]:
    return entry["permissions"].get("secrets") or []


async def test_the_demos_identity_is_in_no_group_and_the_directory_says_so(
    sandbox: Sandbox,
) -> None:
    async with doctor(sandbox) as found:
        who = await found.probes.identity()
        groups = await found.probes.groups(who.object_id)

    assert who.groups is None, "the token tells nothing of groups"
    assert groups == frozenset()


async def test_all_pages_of_the_groups_are_read(sandbox: Sandbox) -> None:
    given = {f"00000000-0000-4000-8000-{n:012x}" for n in range(2_000)}
    sandbox.control.clear_log()

    with sandbox.control.member_of("discover", *given):
        async with doctor(sandbox) as found:
            who = await found.probes.identity()
            groups = await found.probes.groups(who.object_id)

    assert groups == given
    asked = [e for e in sandbox.control.log() if e["path"].endswith("microsoft.graph.group")]
    assert [entry["method"] for entry in asked] == ["GET"] * 3


async def test_a_policy_for_a_group_of_this_identity_is_found_with_the_line_that_leaves_it(
    sandbox: Sandbox,
) -> None:
    name, group = next(iter(policies_of_others(sandbox).items()))

    with sandbox.control.member_of("discover", group):
        examined = await examine(sandbox)

    excess = of(examined, State.EXCESS)
    assert {row.vault_name for row in excess} == {name}
    assert any(row.reads_values and "secrets get" in row.permission for row in excess)
    assert all(
        row.remedy and row.remedy.startswith(f'az ad group member remove --group "{group}"')
        for row in excess
    )
    assert examined.verdict.could_read_values is Answer.YES


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            {"status": 403, "code": "Authorization_RequestDenied"},
            "No role of this identity allows it to list the groups of this identity.",
        ),
        ({"status": 404}, "Azure does not know the groups of this identity"),
        ({"status": 500, "headers": {"Retry-After": "3600"}}, "The service failed"),
    ],
)
async def test_groups_that_are_refused_leave_the_policies_of_others_unknown_with_the_reason(
    sandbox: Sandbox, fault: dict[str, Any], reason: str
) -> None:
    with sandbox.control.fault(path=GROUPS, **fault):
        examined = await examine(sandbox)

    open_ = [row for row in of(examined, State.UNKNOWN) if row.permission == "access policies"]
    assert policies_of_others(sandbox).keys() <= {row.vault_name for row in open_}
    assert all(reason in row.why for row in open_)
    assert of(examined, State.EXCESS) == []
    assert examined.verdict.could_read_values is Answer.UNKNOWN


async def test_without_the_graph_permission_the_groups_stay_unknown(sandbox: Sandbox) -> None:
    examined = await examine(sandbox, "rotate")

    assert examined.identity
    assert examined.identity.groups is None
    open_ = [row for row in of(examined, State.UNKNOWN) if row.permission == "access policies"]
    assert open_
    assert all("allows it to list the groups of this identity" in row.why for row in open_)
