"""What a scope holds."""

from services.gateway.domain.scope import Scope


def test_a_scope_holds_its_vaults_and_those_of_its_subscriptions_and_nothing_else() -> None:
    scope = Scope(vault_ids=frozenset({3}), subscription_ids=frozenset({"sub-a"}))

    assert scope.holds(3, "sub-b")
    assert scope.holds(9, "sub-a")
    assert not scope.holds(9, "sub-b")
    assert not scope.holds(9, None)
    assert not Scope().holds(3, "sub-a")
