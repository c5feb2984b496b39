"""Every probe is tried once; whatever fails leaves the others alone and is unknown, not missing."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_facts import PolicyEntry
from services.scanner.domain.permission_row import Row, State
from services.scanner.ports import Quota, VaultWithPolicies
from services.scanner.steps import doctor as steps
from services.scanner.steps.doctor import Doctor, Examined
from services.scanner.steps.pace import LocalLedger, Pacing
from shared.clouds.errors import (
    AccessDeniedError,
    Denial,
    FirewalledError,
    IdentityUnavailableError,
    ThrottledError,
    UnavailableError,
)
from shared.events.permissions import Answer
from tests.support.permissions import (
    GROUP,
    KINDS,
    LIST_ONLY,
    ME,
    READER,
    FakeProbes,
    an_assignment,
    an_identity,
)
from tests.support.scanner import EAST, WEST, FakeCloud, a_vault

DENIED = AccessDeniedError("No role lists it.", denial=Denial.ROLE, remedy="Assign it.")
TOKEN = AccessDeniedError("The token is not taken.", denial=Denial.TOKEN, remedy="Check it.")
AWAY = UnavailableError("The connection failed.")


def listed(vault: VaultRef, *policies: PolicyEntry) -> VaultWithPolicies:
    return VaultWithPolicies(vault, policies)


def some_vaults() -> list[VaultWithPolicies]:
    return [
        listed(a_vault("kv-a")),
        listed(a_vault("kv-b", rbac=False), LIST_ONLY),
        listed(a_vault("kv-c", WEST)),
    ]


async def examine(probes: FakeProbes, **cloud: Any) -> Examined:
    doctor = Doctor(probes=probes, estate=FakeCloud(**cloud), pacing=Pacing(LocalLedger()))
    return await doctor.examine()


def bad(examined: Examined) -> list[Row]:
    return [row for row in examined.verdict.rows if row.state is not State.HAVE]


async def test_the_least_identity_comes_out_clean_and_each_thing_was_tried_once() -> None:
    probes = FakeProbes(listed=some_vaults())

    examined = await examine(probes)

    assert bad(examined) == []
    assert examined.identity == an_identity()
    assert examined.verdict.could_read_values is Answer.NO
    assert sorted(probes.tried) == sorted(
        [
            *((sub, ME) for sub in (EAST, WEST)),
            *(
                (name, what)
                for name in ("kv-a", "kv-b", "kv-c")
                for what in (*KINDS, "permissions")
            ),
        ]
    )


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (DENIED, State.MISSING),
        (TOKEN, State.UNKNOWN),
        (AWAY, State.UNKNOWN),
        (RuntimeError("secret-canary"), State.UNKNOWN),
        (TimeoutError(), State.UNKNOWN),
    ],
)
async def test_only_a_refusal_of_the_right_is_missing_everything_else_is_unknown(
    failure: Exception, state: State
) -> None:
    probes = FakeProbes(listed=some_vaults(), lists={("kv-c", "certificates"): failure})

    examined = await examine(probes)
    rows = [row for row in bad(examined) if row.vault_name == "kv-c"]

    assert [row.state for row in rows] == [state]
    assert bad(examined) == rows
    assert "secret-canary" not in repr(examined)


async def test_what_stands_in_the_way_of_one_list_is_not_waited_for_three_times() -> None:
    closed = FirewalledError("The firewall refuses.")
    probes = FakeProbes(listed=some_vaults(), lists={("kv-a", "secrets"): closed})

    (row,) = bad(await examine(probes))

    assert (row.state, row.why) == (State.UNKNOWN, "The firewall refuses.")
    assert [kind for name, kind in probes.tried if name == "kv-a"] == ["permissions", "secrets"]


class Slowed(LocalLedger):
    """Notes whose budget is slowed down."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Quota] = []

    async def slow_down(self, quota: Quota, pause: float) -> None:
        self.heard.append(quota)
        await super().slow_down(quota, pause)


@pytest.mark.parametrize("slow", [["kv-a"], ["kv-a", "kv-b"]], ids=["one", "two"])
async def test_vaults_that_ask_to_slow_down_together_slow_their_neighbours(slow: list[str]) -> None:
    vaults = [a_vault(name) for name in ("kv-a", "kv-b", "kv-c")]
    probes = FakeProbes(
        listed=[listed(vault) for vault in vaults],
        lists={(name, "secrets"): ThrottledError("Slow.") for name in slow},
    )
    ledger = Slowed()
    doctor = Doctor(probes=probes, estate=FakeCloud(), pacing=Pacing(ledger))

    await doctor.examine()

    told = [Quota(vaults[0].subscription_id, vaults[0].region)]
    assert ledger.heard == (told if len(slow) > 1 else [])


async def test_no_token_leaves_the_identity_unknown_and_the_rest_is_tried() -> None:
    failure = IdentityUnavailableError("No token came.")
    probes = FakeProbes(who=failure, listed=some_vaults())

    examined = await examine(probes)

    assert examined.identity is None
    assert examined.verdict.could_read_values is Answer.UNKNOWN
    assert "No token came." in {row.why for row in bad(examined)}
    assert ("kv-a", "secrets") in probes.tried


async def test_nothing_is_asked_of_resource_graph_where_no_subscription_is_seen() -> None:
    probes = FakeProbes(indexed=RuntimeError("it was asked"))

    examined = await examine(probes, subscriptions_seen=[])

    assert [row.state for row in bad(examined)] == [State.MISSING, State.NEEDED]
    assert examined.verdict.could_read_values is Answer.UNKNOWN


async def test_a_control_plane_that_is_away_is_unknown() -> None:
    examined = await examine(FakeProbes(), failure=AWAY)

    assert {row.state for row in bad(examined)} == {State.UNKNOWN, State.NEEDED}
    assert examined.verdict.could_read_values is Answer.UNKNOWN


async def test_a_vault_that_only_resource_graph_tells_of_is_examined_without_its_policies() -> None:
    vaults = [one.vault for one in some_vaults()]
    probes = FakeProbes(listed=AWAY, indexed=vaults)

    examined = await examine(probes)

    assert {vault.name for vault in examined.verdict.vaults} == {"kv-a", "kv-b", "kv-c"}
    unknown = {(row.scope, row.permission) for row in bad(examined)}
    assert (vaults[1].resource_id, "access policies") in unknown
    assert (f"/subscriptions/{EAST}", "Microsoft.KeyVault/vaults/read") in unknown


async def test_only_assignments_that_reach_a_vault_are_held_against_it() -> None:
    owner = replace(READER, actions=("*",))
    vault = a_vault("kv-a")
    far = an_assignment(owner, f"{vault.resource_id}-other", id="far", role_name="Owner")
    near = an_assignment(READER, vault.resource_id, id="near")
    probes = FakeProbes(listed=[listed(vault)], roles=[far, near])

    assert bad(await examine(probes)) == []


async def test_roles_that_cannot_be_listed_leave_the_answer_open() -> None:
    probes = FakeProbes(listed=some_vaults(), roles=AWAY)

    assert (await examine(probes)).verdict.could_read_values is Answer.UNKNOWN


async def test_a_group_that_the_token_does_not_tell_leaves_a_policy_vault_open() -> None:
    theirs = PolicyEntry(object_id=GROUP, permissions={"secrets": ("get",)})
    vaults = [listed(a_vault("kv-b", rbac=False), LIST_ONLY, theirs)]
    probes = FakeProbes(who=an_identity(groups=None), listed=vaults)

    assert (await examine(probes)).verdict.could_read_values is Answer.UNKNOWN


async def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PROBE_SECONDS", 0.01)

    (row,) = bad(await examine(Hanging(listed=some_vaults())))

    assert (row.state, row.permission) == (State.UNKNOWN, "Application.Read.All")
    assert "took too long" in row.why


class Hanging(FakeProbes):
    """Probes of which one never answers."""

    async def list_application(self) -> None:
        await asyncio.Event().wait()
