"""Each guard of the saga keeps a promise that is broken as soon as the guard is taken away."""

import pytest

from tests.support.saga.guards import GUARDS, Guard

ALL = pytest.mark.parametrize(
    "guard", [pytest.param(each, id=name) for name, each in GUARDS.items()]
)


@ALL
def test_the_saga_keeps_the_promise(guard: Guard) -> None:
    assert guard.keeps() == [], guard.promise


@ALL
def test_without_its_guard_the_promise_is_seen_to_be_broken(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.take_away(monkeypatch)

    said = guard.keeps()

    assert [each for each in said if guard.breaks in each], (guard.promise, said)
