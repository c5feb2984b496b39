"""Shards, outcomes and remedies: the small decisions of a scan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.domain.outcome import Tally, conclude, unseen_subscription
from services.scanner.domain.remedy import remedy
from services.scanner.domain.sharding import Source, shards
from shared.events.scanning import ScanOutcome, VaultOutcome
from tests.support.scanner import ASSIGNEE, a_vault

sources = st.lists(
    st.builds(
        Source,
        vault_id=st.integers(1, 10**6),
        subscription_id=st.none() | st.sampled_from(["a", "b"]),
        region=st.none() | st.sampled_from(["x", "y"]),
        items=st.integers(0, 1000),
    ),
    unique_by=lambda source: source.vault_id,
)


@given(sources)
def test_every_source_is_in_exactly_one_shard_and_a_shard_has_one_quota(
    given_sources: list[Source],
) -> None:
    cut = shards(given_sources)

    assert sorted(s.vault_id for shard in cut for s in shard.sources) == sorted(
        s.vault_id for s in given_sources
    )
    for shard in cut:
        assert {(s.subscription_id, s.region) for s in shard.sources} == {
            (shard.subscription_id, shard.region)
        }
    assert [shard.shard_id for shard in cut] == list(range(1, len(cut) + 1))


@given(sources)
def test_the_largest_shard_and_the_largest_source_come_first(given_sources: list[Source]) -> None:
    cut = shards(given_sources)
    sizes = [sum(s.items for s in shard.sources) for shard in cut]

    assert sizes == sorted(sizes, reverse=True)
    for shard in cut:
        assert [s.items for s in shard.sources] == sorted(
            (s.items for s in shard.sources), reverse=True
        )


@pytest.mark.parametrize(
    ("tally", "notes", "outcome"),
    [
        (Tally(), (), ScanOutcome.COMPLETE),
        (Tally(vaults=3), (), ScanOutcome.COMPLETE),
        (Tally(vaults=3, unreadable=1), (), ScanOutcome.PARTIAL),
        (Tally(vaults=3), ("Subscription x cannot be seen.",), ScanOutcome.PARTIAL),
        (Tally(vaults=3, unreadable=3), (), ScanOutcome.FAILED),
        (Tally(), ("No subscription can be seen.",), ScanOutcome.FAILED),
    ],
)
def test_a_scan_is_complete_only_if_everything_was_read(
    tally: Tally, notes: tuple[str, ...], outcome: ScanOutcome
) -> None:
    conclusion = conclude(tally, notes)

    assert conclusion.outcome is outcome
    assert (conclusion.error is None) == (outcome is ScanOutcome.COMPLETE)
    assert all(note in (conclusion.error or "") for note in notes)


def test_a_subscription_that_cannot_be_seen_comes_with_its_command() -> None:
    assert '--role "Reader" --scope "/subscriptions/s1"' in unseen_subscription("s1", ASSIGNEE)


@pytest.mark.parametrize("outcome", list(VaultOutcome))
@pytest.mark.parametrize("vault", [a_vault(), None])
def test_whatever_could_not_be_read_says_what_to_do(outcome: VaultOutcome, vault: object) -> None:
    sentence = remedy(outcome, a_vault() if vault else None, ASSIGNEE)

    assert (sentence is None) == (outcome is VaultOutcome.OK)


def test_a_vault_with_roles_gets_the_role_command_and_one_with_policies_the_policy_command() -> (
    None
):
    vault = a_vault("kv")
    role = remedy(VaultOutcome.DENIED, vault, ASSIGNEE)
    policy = remedy(VaultOutcome.DENIED, a_vault("kv", rbac=False), ASSIGNEE)

    assert role is not None
    assert policy is not None
    assert (
        'az role assignment create --assignee "discover-id" --role "Key Vault Reader"'
        f' --scope "{vault.resource_id}"'
    ) in role
    assert 'az keyvault set-policy --name "kv" --resource-group "rg"' in policy
    assert "--secret-permissions list --key-permissions list" in policy
