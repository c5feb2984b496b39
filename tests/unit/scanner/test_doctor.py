"""Every probe is tried once; whatever fails leaves the others alone and is unknown, not missing."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.permission_facts import PolicyEntry
from services.scanner.domain.permission_row import Row, State
from services.scanner.ports import VaultWithPolicies
from services.scanner.steps import doctor as steps
from services.scanner.steps.doctor import Doctor, Examined
from shared.clouds.deadline import standing_still
from shared.clouds.errors import (
    AccessDeniedError,
    Denial,
    FirewalledError,
    IdentityUnavailableError,
    UnavailableError,
)
from shared.errors import TransientError
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
from tests.support.scanner import EAST, GRAPH, WEST, FakeCloud, a_vault

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
    return await Doctor(probes=probes, estate=FakeCloud(**cloud), graph=GRAPH).examine()


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


async def test_a_budget_that_cannot_be_kept_ends_the_examination() -> None:
    """It says nothing of the identity, and the check is tried again."""
    away = TransientError("The database could not do it just now.")

    with pytest.raises(TransientError, match="database"):
        await examine(FakeProbes(listed=some_vaults(), lists={("kv-a", "secrets"): away}))


class Waiting(FakeProbes):
    """Waits at a gate before each list for longer than a probe may take."""

    async def list_one(self, vault: VaultRef, kind: str) -> None:
        with standing_still():
            await asyncio.sleep(0.05)
        await super().list_one(vault, kind)


async def test_waiting_for_a_place_in_the_budget_is_not_taken_for_a_probe_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "PROBE_SECONDS", 0.02)

    assert bad(await examine(Waiting(listed=[listed(a_vault("kv-a"))]))) == []


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


def with_a_policy_of_a_group(**changes: Any) -> FakeProbes:
    """A vault that another object's policy opens, and a token that tells no groups."""
    theirs = PolicyEntry(object_id=GROUP, permissions={"secrets": ("get",)})
    vaults = [listed(a_vault("kv-b", rbac=False), LIST_ONLY, theirs)]
    return FakeProbes(listed=vaults, **{"who": an_identity(groups=None), **changes})


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (DENIED, "No role lists it."),
        (TOKEN, "The token is not taken. Check it."),
        (AWAY, "The connection failed."),
        (RuntimeError("secret-canary"), "ended in an error (RuntimeError)"),
        (TimeoutError(), "Asking for the groups of this identity took too long."),
    ],
)
async def test_groups_that_cannot_be_asked_for_leave_a_policy_vault_open_with_the_reason(
    failure: Exception, reason: str
) -> None:
    examined = await examine(with_a_policy_of_a_group(member_of=failure))

    (row,) = bad(examined)
    assert (row.state, row.permission) == (State.UNKNOWN, "access policies")
    assert reason in row.why
    assert "secret-canary" not in repr(examined)
    assert examined.verdict.could_read_values is Answer.UNKNOWN


async def test_a_policy_of_a_group_that_only_the_directory_tells_of_is_too_much() -> None:
    probes = with_a_policy_of_a_group(member_of=frozenset({GROUP}))

    examined = await examine(probes)

    (row,) = bad(examined)
    assert (row.state, row.permission) == (State.EXCESS, "secrets get")
    assert examined.identity == an_identity(groups=frozenset({GROUP}))
    assert examined.verdict.could_read_values is Answer.YES
    assert probes.tried.count((ME, "groups")) == 1


async def test_a_policy_of_somebody_else_leaves_nothing_open_once_the_groups_are_told() -> None:
    examined = await examine(with_a_policy_of_a_group(member_of=frozenset({"another"})))

    assert bad(examined) == []
    assert examined.verdict.could_read_values is Answer.NO


async def test_a_persons_groups_are_not_asked_for_and_stay_unknown() -> None:
    person = an_identity(groups=None, is_application=False)
    probes = with_a_policy_of_a_group(who=person, member_of=frozenset[str]())

    (row,) = bad(await examine(probes))

    assert (row.state, row.permission) == (State.UNKNOWN, "access policies")
    assert "A person's groups are not asked for." in row.why
    assert (ME, "groups") not in probes.tried


async def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PROBE_SECONDS", 0.01)

    (row,) = bad(await examine(Hanging(listed=some_vaults())))

    assert (row.state, row.permission) == (State.UNKNOWN, "Application.Read.All")
    assert "took too long" in row.why


class Hanging(FakeProbes):
    """Probes of which one never answers."""

    async def list_application(self) -> None:
        await asyncio.Event().wait()
