"""What the estates hold, and that a seed says all of it."""

from collections import Counter

import pytest

from sandbox.access import Access
from sandbox.arguments import parse
from sandbox.certificates import x5t
from sandbox.estate.model import KINDS, Estate, Item, Vault, Version
from sandbox.key_pairs import key_pair
from sandbox.profiles import demo, surprises

NOW = 1_795_000_000
DAY = 86_400
PAGE_BORDERS = {0, 1, 24, 25, 26, 50, 51}


@pytest.fixture(scope="module")
def contoso() -> Estate:
    return demo.make(7, NOW)


def items(estate: Estate) -> list[Item]:
    return [
        item
        for vault in estate.vaults.values()
        for kind in KINDS
        for item in vault.live[kind].values()
    ]


def readable(estate: Estate, name: str) -> list[Vault]:
    access, principal = Access(estate), estate.principals[name]
    return [
        vault
        for vault in estate.vaults.values()
        if all(access.readable(principal.object_id, vault).values())
    ]


def state(version: Version) -> str:
    if not version.enabled:
        return "disabled"
    if version.not_before is not None and version.not_before > NOW:
        return "not yet active"
    if version.expires is None:
        return "no expiry"
    days = (version.expires - NOW) / DAY
    return "expired" if days <= 0 else "critical" if days < 7 else "warning" if days < 30 else "ok"


def test_contoso_has_three_subscriptions_and_sixty_vaults(contoso: Estate) -> None:
    counts = Counter(vault.subscription_id for vault in contoso.vaults.values())

    assert sorted(counts.values()) == [12, 20, 28]
    assert len({vault.location for vault in contoso.vaults.values()}) >= 4
    assert all(len(vault.name) <= 24 for vault in contoso.vaults.values())


def test_contoso_has_about_four_thousand_items_of_every_state(contoso: Estate) -> None:
    states = Counter(state(item.current) for item in items(contoso))

    assert 3_900 < sum(states.values()) < 4_100
    assert len(states) == 7
    assert min(states.values()) > 20


def test_contoso_has_forty_applications_with_up_to_four_credentials(contoso: Estate) -> None:
    counts = [len(app.passwords) + len(app.keys) for app in contoso.applications]

    assert len(counts) == 40
    assert (min(counts), max(counts)) == (0, 4)


def test_two_of_contosos_vaults_cannot_be_read_by_discovery(contoso: Estate) -> None:
    unread = [v for v in contoso.vaults.values() if v not in readable(contoso, "discover")]

    assert {(vault.name, vault.firewall) for vault in unread} == {
        ("kv-hr-payroll-prod", "open"),
        ("kv-treasury-prod-weu", "selected-networks"),
    }
    assert all(vault.count() for vault in unread)


def test_contosos_access_policies_let_discovery_list_and_nothing_else(contoso: Estate) -> None:
    discover = contoso.principals["discover"].object_id
    policies = [
        policy
        for vault in contoso.vaults.values()
        if not vault.rbac
        for policy in vault.policies
        if policy.object_id == discover
    ]

    assert len(policies) == 8
    assert all(set(policy.permissions.values()) == {("list",)} for policy in policies)


@pytest.mark.parametrize("name", ["discover", "discover-sp"])
def test_discovery_may_read_no_value_anywhere(contoso: Estate, name: str) -> None:
    access, principal = Access(contoso), contoso.principals[name]

    for vault in contoso.vaults.values():
        assert not access.may(principal.object_id, vault, "secrets", "get")
        assert not access.may(principal.object_id, vault, "secrets", "set")


def test_copying_reads_values_but_writes_none(contoso: Estate) -> None:
    access, sync = Access(contoso), contoso.principals["sync"].object_id
    read = [v for v in contoso.vaults.values() if access.may(sync, v, "secrets", "get")]

    assert read
    assert not any(access.may(sync, vault, "secrets", "set") for vault in read)


@pytest.mark.parametrize("make", [demo.make, surprises.make])
def test_the_same_seed_gives_the_same_estate(make: object) -> None:
    assert callable(make)
    assert make(11, NOW) == make(11, NOW)
    assert make(11, NOW) != make(12, NOW)


def test_an_estate_moves_with_the_time_it_is_made_at() -> None:
    first, later = (surprises.make(5, now) for now in (NOW, NOW + 1_000))

    for one, other in zip(items(first), items(later), strict=True):
        assert one.name == other.name
        assert one.current.created + 1_000 == other.current.created
        assert (one.current.expires is None) == (other.current.expires is None)


def test_random_estates_stand_at_the_borders_of_a_page() -> None:
    seen = {
        len(vault.live[kind])
        for seed in range(12)
        for vault in surprises.make(seed, NOW).vaults.values()
        for kind in KINDS
    }

    assert seen >= PAGE_BORDERS


@pytest.mark.parametrize("seed", range(5))
def test_random_estates_combine_every_attribute(seed: int) -> None:
    estate = surprises.make(seed, NOW)
    versions = [item.current for item in items(estate) if item.kind == "secrets"]

    combinations = {
        (v.enabled, v.not_before is None, v.expires is None, v.content_type is None, bool(v.tags))
        for v in versions
    }
    assert len(combinations) >= 24
    assert any(len(item.name) == 127 for item in items(estate)) or seed
    unread = set(estate.vaults) - {v.name.lower() for v in readable(estate, "discover")}
    assert len(unread) == 2


def test_a_certificate_has_its_key_and_secret_and_a_true_thumbprint(contoso: Estate) -> None:
    for vault in contoso.vaults.values():
        for name, item in vault.live["certificates"].items():
            key, secret = vault.live["keys"][name], vault.live["secrets"][name]
            assert key.managed
            assert secret.managed
            assert [v.id for v in key.versions] == [v.id for v in item.versions]
            assert [v.id for v in secret.versions] == [v.id for v in item.versions]
            assert len(x5t(item.current.certificate)) == 27


def test_nothing_was_made_after_it_ends(contoso: Estate) -> None:
    for item in items(contoso):
        assert item.current.created <= NOW
        if item.current.expires is not None:
            assert item.current.created < item.current.expires


def test_the_shared_rsa_key_is_the_same_on_every_machine() -> None:
    first, again = key_pair("RSA-2048"), key_pair("RSA-2048")

    assert first is again
    assert first.key_size == 2_048
    modulus = first.public_key().public_numbers()
    assert str(getattr(modulus, "n", 0)).endswith(RSA_ENDING)


RSA_ENDING = "256362576009"


def test_a_varied_estate_has_as_many_vaults_as_asked_for_and_closes_two_of_each_fifty() -> None:
    asked = ["--vaults", "100", "--subscriptions", "4", "--regions", "2"]
    arguments = parse(["--state", "/nowhere", "--profile", "varied", *asked])

    estate = surprises.make_varied(arguments, NOW)

    vaults = estate.vaults.values()
    assert len(vaults) == 100
    assert len({vault.subscription_id for vault in vaults}) == 4
    assert len({vault.location for vault in vaults}) == 2
    assert sum(vault.firewall != "open" for vault in vaults) == 2
    open_to_discovery = readable(estate, "discover")
    assert len(open_to_discovery) == 96
    found = items(estate)
    assert {item.kind for item in found} == set(KINDS)
    assert max(len(vault.live[kind]) for vault in [*vaults][1:] for kind in KINDS) <= 8
    assert {item.current.enabled for item in found} == {True, False}
