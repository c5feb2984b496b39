"""Each service hears exactly what the topology says, and its card says the same."""

from contextlib import AsyncExitStack
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from services.alerting.app import build as build_alerting
from shared.bus.topology import SUBSCRIPTIONS
from shared.events import Event
from shared.service import Build

ROOMS = ("alerting", "rotator", "syncer", "licensing")


class Ears:
    """Stands where the bus stands and notes who wants to hear what."""

    def __init__(self) -> None:
        self.heard: list[type[Event]] = []

    def on(self, event: type[Event], **_: Any) -> Any:
        self.heard.append(event)
        return lambda handler: handler


def service(name: str) -> Any:
    settings = import_module(f"services.{name}.settings").Settings.model_construct(
        look_seconds=1, secret_key=SecretStr("k" * 32)
    )
    tasks: list[str] = []
    return SimpleNamespace(
        bus=Ears(),
        pool=None,
        clock=None,
        features=None,
        settings=settings,
        tasks=tasks,
        resources=AsyncExitStack(),
        add_task=lambda task, _: tasks.append(task),
    )


@pytest.mark.parametrize("name", ROOMS)
async def test_a_service_has_one_handler_for_each_subscription(name: str) -> None:
    build: Build = import_module(f"services.{name}.app").build
    parts = service(name)

    async with parts.resources:
        await build(parts)

    assert sorted(e.type for e in parts.bus.heard) == sorted(e.type for e in SUBSCRIPTIONS[name])


@pytest.mark.parametrize("name", ROOMS)
def test_a_services_card_names_what_it_hears(name: str) -> None:
    card = " ".join((import_module(f"services.{name}").__doc__ or "").split())
    families = ("rotation.*", "sync.*")

    for event in SUBSCRIPTIONS[name]:
        short = event.type.removeprefix("certifyclouds.").rpartition(".")[0]
        assert short in card or f"{event.topic()}.*" in families


async def test_alerting_is_built_with_its_own_settings_only() -> None:
    parts = service("rotator")

    with pytest.raises(TypeError, match="its own settings"):
        await build_alerting(parts)
