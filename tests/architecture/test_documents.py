"""The reference pages name what the code has: settings, hosts, commands, services."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from services.cli.settings import ClientSettings, PlatformSettings
from services.gateway.app import guarded_routes
from services.gateway.routes.access import page
from shared.clouds.settings import Identity, china, public, sandbox, usgov
from shared.events import EVENTS
from tests.support import access
from tests.support.architecture import ROOT, SERVICES, text_of

TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`")
SETTING = re.compile(r"`([A-Z][A-Z_]+[A-Z])`")
REFERENCE = ROOT / "docs" / "reference"
FEDERATED = Identity(source="workload-identity")


def variables(kind: type[BaseSettings]) -> list[str]:
    prefix = str(kind.model_config.get("env_prefix") or "")
    return [f"{prefix}{field}".upper() for field in kind.model_fields]


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_of_a_service_is_in_the_reference(service: str) -> None:
    page = text_of(REFERENCE / "settings.md")
    settings: type[BaseSettings] = import_module(f"services.{service}.settings").Settings

    assert [name for name in variables(settings) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("kind", [ClientSettings, PlatformSettings])
def test_every_setting_of_the_command_line_is_in_the_reference(kind: type[BaseSettings]) -> None:
    page = text_of(REFERENCE / "settings.md")

    assert [name for name in variables(kind) if f"`{name}`" not in page] == []


def test_the_documented_hosts_are_those_that_can_be_contacted() -> None:
    clouds = (
        public(FEDERATED),
        usgov(FEDERATED),
        china(FEDERATED),
        sandbox(port=1, ca_file=Path("ca.pem"), identity=FEDERATED),
    )
    rows = [line.split("|") for line in text_of(REFERENCE / "hosts.md").splitlines()]
    documented = {
        (row[1].strip(), row[2].strip().strip("`"))
        for row in rows
        if len(row) > 3 and "`" in row[2]
    } - {("cloud (`CLOUD`)", "host")}

    assert documented == {(cloud.name, host) for cloud in clouds for host in cloud.hosts()}


def test_every_command_is_in_the_reference() -> None:
    from services.cli.app import commands

    page = text_of(REFERENCE / "cli.md")
    names = [
        command.name or getattr(command.callback, "__name__", "")
        for command in commands.registered_commands
    ]

    assert names
    assert [name for name in names if f"## `certifyclouds {name}" not in page] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_carries_its_card(service: str) -> None:
    card = import_module(f"services.{service}").__doc__ or ""

    assert all(word in card for word in ("owns", "consumes", "publishes"))


def test_the_page_of_who_may_call_what_is_made_of_the_routes() -> None:
    assert text_of(REFERENCE / access.NAME) == page(guarded_routes()), "run make docs, and look"


def test_each_control_names_a_test_that_there_is_and_settings_that_there_are() -> None:
    controls = [line for line in text_of(REFERENCE / "security.md").splitlines() if "::" in line]
    named = [(m["file"], m["name"]) for line in controls for m in TEST.finditer(line)]

    assert len(named) >= 20
    assert [one for one in named if f"def {one[1]}(" not in text_of(ROOT / one[0])] == []
    settings = {name for line in controls for name in SETTING.findall(line)}
    page_ = text_of(REFERENCE / "settings.md")
    assert [name for name in settings if f"`{name}`" not in page_] == []


def test_every_event_is_in_the_generated_reference() -> None:
    page = text_of(REFERENCE / "events.md")

    assert [name for name in EVENTS if name not in page] == []
