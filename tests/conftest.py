"""Fixtures that every test may use, and what is done around every test."""

import gc
from collections.abc import Generator

import pytest

from tests.support.leftovers import collect_leftovers, uses_a_broker

pytest_plugins = ["tests.support.database"]


def pytest_collection_finish() -> None:
    """Keep what was imported out of later collections: each takes a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Collect what a broker's client forgot once its event loop has ended.

    Collected later, it would be told as the fault of whatever test runs then. pytest itself lets
    go of what fixtures gave only after this, and a client that one of them holds goes with it.
    """
    yield
    if isinstance(item, pytest.Function) and uses_a_broker(item.path):
        item.funcargs.clear()
        collect_leftovers()
