"""What the collection after a broker's test forgives, and what it does not."""

import sys
from pathlib import Path
from typing import Any

import pytest
from aio_pika.tools import OneShotCallback

from tests.support.leftovers import collect_leftovers, uses_a_broker


class Knot:
    """Something of ours that fails when it is collected, and only the collector finds it."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        raise RuntimeError("a fault of ours")


class Forgotten:
    """A coroutine that was begun and dropped, in a knot."""

    def __init__(self, coroutine: Any) -> None:
        self.itself, self.coroutine = self, coroutine


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: found.append(args.exc_value))
    return found


def test_a_fault_of_ours_is_told(told: list[Any]) -> None:
    Knot()
    collect_leftovers()

    assert [str(error) for error in told] == ["a fault of ours"]


async def test_a_callback_of_rabbitmqs_client_that_its_loop_left_is_not(told: list[Any]) -> None:
    async def callback() -> None:
        raise AssertionError("it is never begun")

    inner = OneShotCallback(callback)._OneShotCallback__task_inner()  # type: ignore[attr-defined]
    assert "aio_pika" in inner.cr_code.co_filename
    Forgotten(inner)
    collect_leftovers()

    assert told == []


@pytest.mark.parametrize(
    ("path", "uses"),
    [
        ("tests/integration/bus/test_relay.py", True),
        ("tests/unit/sandbox/service_bus/test_hostile.py", True),
        ("tests/e2e/test_shuffled.py", True),
        ("tests/integration/alerting/test_on_the_bus.py", True),
        ("tests/integration/gateway/test_people.py", False),
    ],
)
def test_it_is_done_where_a_brokers_client_may_be_used(path: str, uses: bool) -> None:
    assert uses_a_broker(Path(path)) is uses
