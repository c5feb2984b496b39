"""What a scope holds."""

from services.gateway.domain.scope import Scope
from services.gateway.steps.sight import Places
from shared.selector import Facts, Field


def test_a_scope_holds_its_vaults_and_those_of_its_subscriptions_and_nothing_else() -> None:
    scope = Scope(vault_ids=frozenset({3}), subscription_ids=frozenset({"sub-a"}))

    assert scope.holds(3, "sub-b")
    assert scope.holds(9, "sub-a")
    assert not scope.holds(9, "sub-b")
    assert not scope.holds(9, None)
    assert not Scope().holds(3, "sub-a")


def test_what_is_not_known_of_a_vault_is_out_of_sight() -> None:
    unknown = Facts(known={Field.VAULT: ("kv-pay",)}, tags=None)
    known = Facts(known={Field.VAULT: ("kv-web",)}, tags={})
    places = Places({1: unknown, 2: known})

    assert places.scope_of("-tag:team=web") == Scope(vault_ids=frozenset({2}))
    assert places.scope_of("tag:team=web") == Scope()
