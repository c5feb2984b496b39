"""Rules on thresholds: the most specific one wins, whatever else is said, and bounds hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.threshold import Numbers, refuse_name, refuse_numbers
from services.scanner.domain.rule import Place, Rule, RuleBook
from services.scanner.domain.status import Thresholds
from services.scanner.domain.threshold import ladder
from services.scanner.steps.change_threshold import _rule
from shared.errors import PermanentError
from shared.events import ThresholdChangeRequested
from shared.events.scanning import ThresholdScope as Scope
from tests.support.scanner import DAY, NOW, an_item

PLACE = Place(subscription_id="sub-east", vault_id=7, item_id=9, tags={"env": "prod", "team": "a"})
NAMES = {
    Scope.GLOBAL: "",
    Scope.SUBSCRIPTION: "sub-east",
    Scope.VAULT: "7",
    Scope.TAG: "env=prod",
    Scope.ITEM: "9",
}
PAIRS = {scope: (80 - 10 * number, 5) for number, scope in enumerate(Scope)}


def found(*rules: Rule, place: Place = PLACE) -> tuple[int, int]:
    thresholds = RuleBook(rules).resolve(place)
    return thresholds.warning_days, thresholds.critical_days


def test_without_a_rule_the_settings_apply() -> None:
    base = Thresholds(warning_days=40, critical_days=9)

    assert RuleBook(base=base).resolve(PLACE) is base


@given(st.sets(st.sampled_from(Scope), min_size=1), st.randoms())
def test_the_most_specific_scope_wins_in_whatever_order_rules_come(
    scopes: set[Scope], dice: object
) -> None:
    rules = [Rule(scope=scope, name=NAMES[scope], days=PAIRS[scope]) for scope in scopes]
    dice.shuffle(rules)  # type: ignore[attr-defined] # Hypothesis gives a random.Random

    assert found(*rules) == PAIRS[max(scopes, key=list(Scope).index)]


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (Scope.SUBSCRIPTION, "sub-west"),
        (Scope.VAULT, "8"),
        (Scope.TAG, "env=test"),
        (Scope.TAG, "prod=env"),
        (Scope.ITEM, "7"),
    ],
)
def test_a_rule_for_something_else_changes_nothing(scope: Scope, name: str) -> None:
    assert found(Rule(scope=scope, name=name, days=(60, 20))) == (30, 7)


def test_the_directory_and_a_new_item_have_fewer_scopes() -> None:
    place = Place(subscription_id=None, vault_id=7)
    rules = [Rule(scope=scope, name=NAMES[scope], days=PAIRS[scope]) for scope in Scope]

    assert found(*rules, place=place) == PAIRS[Scope.VAULT]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_tags_the_more_careful_one_counts(order: int) -> None:
    rules = [
        Rule(scope=Scope.TAG, name="env=prod", days=(60, 5)),
        Rule(scope=Scope.TAG, name="team=a", days=(60, 14)),
        Rule(scope=Scope.TAG, name="team=b", days=(90, 30)),
    ]

    assert found(*rules[::order]) == (60, 14)


def test_days_and_percentages_are_inherited_apart() -> None:
    thresholds = RuleBook(
        [
            Rule(scope=Scope.VAULT, name="7", days=(60, 20)),
            Rule(scope=Scope.ITEM, name="9", percent=(50, 25)),
            Rule(scope=Scope.GLOBAL, days=(45, 10), percent=(40, 20)),
        ]
    ).resolve(PLACE)

    assert thresholds == Thresholds(
        warning_days=60, critical_days=20, warning_percent=50, critical_percent=25
    )


def test_the_days_of_a_rule_are_steps_of_the_ladder() -> None:
    item = an_item(expires_on=NOW + 100 * DAY)

    assert ladder(item, Thresholds(warning_days=90, critical_days=10)) == (
        *(90, 60, 30, 14, 10, 7, 3, 1, 0),
    )


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (Scope.GLOBAL, "x"),
        (Scope.SUBSCRIPTION, ""),
        (Scope.VAULT, "kv-pay"),
        (Scope.VAULT, "²"),
        (Scope.TAG, "env"),
        (Scope.TAG, "=prod"),
        (Scope.ITEM, ""),
    ],
)
def test_a_name_that_fits_no_scope_is_refused_with_a_sentence(scope: Scope, name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name)) + r" does not name .*\."):
        Rule(scope=scope, name=name)
    assert refuse_name(scope, name)


numbers = st.none() | st.integers(-2, 101)


@given(
    scope=st.sampled_from(Scope),
    name=st.sampled_from(["", "sub-east", "7", "env=prod", "=", "env="]) | st.text(max_size=3),
    days=st.tuples(numbers, numbers),
    percent=st.tuples(numbers, numbers),
)
def test_what_the_gateway_lets_through_the_scanner_stores(
    scope: Scope,
    name: str,
    days: tuple[int | None, int | None],
    percent: tuple[int | None, int | None],
) -> None:
    asked = Numbers(
        warning_days=days[0],
        critical_days=days[1],
        warning_percent=percent[0],
        critical_percent=percent[1],
    )
    event = ThresholdChangeRequested(
        scope=scope,
        name=name,
        requested_by="ada",
        warning_days=days[0],
        critical_days=days[1],
        warning_percent=percent[0],
        critical_percent=percent[1],
    )
    takes_back = days == percent == (None, None)
    if refuse_name(scope, name) or (refuse_numbers(asked) and not takes_back):
        with pytest.raises(PermanentError, match="was not stored"):
            _rule(event)
    else:
        assert _rule(event).days == (None if days == (None, None) else days)
    if takes_back:
        assert "delete it" in (refuse_numbers(asked) or "")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Numbers(), "delete it"),
        (Numbers(warning_days=30), "together"),
        (Numbers(critical_percent=10), "together"),
        (Numbers(warning_days=7, critical_days=30), "greater than critical_days"),
        (Numbers(warning_days=91, critical_days=7), "at most 90 and 30"),
        (Numbers(warning_days=60, critical_days=31), "at most 90 and 30"),
        (Numbers(warning_percent=100, critical_percent=10), "between 1 and 99"),
    ],
)
def test_numbers_that_make_no_rule_are_refused_with_a_sentence(asked: Numbers, told: str) -> None:
    assert told in (refuse_numbers(asked) or "")


def test_a_rule_of_one_pair_is_enough() -> None:
    assert refuse_numbers(Numbers(warning_days=90, critical_days=30)) is None
    assert refuse_numbers(Numbers(warning_percent=99, critical_percent=1)) is None
