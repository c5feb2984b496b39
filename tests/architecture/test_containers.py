"""The image and the compose file, judged without a Docker engine: by their schema, by a linter, and
by what the services are and read."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.settings import SERVICES, PlatformSettings
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
DOCKERFILE = ROOT / "infra" / "docker" / "Dockerfile"
HOW_TO = ROOT / "docs" / "how-to" / "run-in-containers.md"
OURS = (*SERVICES, "migrate")


@pytest.fixture(scope="module")
def containers() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def settings_of(name: str) -> set[str]:
    """Return the variables that a container's process reads."""
    if name == "migrate":
        own = {f"{service}_database_url" for service in SERVICES}
        return {field.upper() for field in {*PlatformSettings.model_fields, *own}}
    try:
        settings = importlib.import_module(f"services.{name}.settings").Settings
    except ModuleNotFoundError:
        settings = ServiceSettings
    return {field.upper() for field in settings.model_fields}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_compose_file_is_one_by_its_schema() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout


def test_a_word_that_compose_does_not_know_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("read_only:", "read_onlyy:"))
    done = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken))
    assert done.returncode != 0


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    done = run("hadolint", str(DOCKERFILE))
    assert (done.returncode, done.stdout) == (0, "")


def test_every_service_has_its_container_and_its_own_command(
    containers: dict[str, dict[str, Any]],
) -> None:
    assert set(containers) == {*OURS, "postgres", "rabbitmq"}
    for service in SERVICES:
        assert containers[service]["command"] == ["serve", service]
        assert containers[service]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }


@pytest.mark.parametrize("name", OURS)
def test_our_containers_write_nothing_and_may_do_nothing(
    containers: dict[str, dict[str, Any]], name: str
) -> None:
    container = containers[name]
    assert container["read_only"] is True
    assert container["user"] == "10001:10001"
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not container.get("privileged")


@pytest.mark.parametrize("name", OURS)
def test_a_container_is_told_only_what_its_process_reads(
    containers: dict[str, dict[str, Any]], name: str
) -> None:
    assert set(containers[name]["environment"]) <= settings_of(name)


def test_a_service_knows_no_password_but_its_own(containers: dict[str, dict[str, Any]]) -> None:
    for service in SERVICES:
        told = str(containers[service]["environment"])
        used = set(re.findall(r"\$\{([A-Z]+)_PASSWORD", told))
        assert used == {service.upper(), "BUS"}


def test_the_gateway_alone_is_reached_from_outside_and_on_loopback(
    containers: dict[str, dict[str, Any]],
) -> None:
    published = {name: part["ports"] for name, part in containers.items() if "ports" in part}
    assert published == {"gateway": ["127.0.0.1:8080:8080"]}


def test_the_file_of_variables_that_the_guide_makes_holds_all_that_must_be_set() -> None:
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text()))
    guide = HOW_TO.read_text()
    assert {name for name in needed if name in guide} == needed


def test_the_image_holds_the_product_and_what_it_runs_on_and_no_more() -> None:
    text = DOCKERFILE.read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+) ", text, flags=re.MULTILINE)
    assert copied == ["requirements/runtime.txt", "shared", "services"]
    assert all((ROOT / path).exists() for path in copied)
    assert "--require-hashes" in text
    assert re.findall(r"^USER (\S+)$", text, flags=re.MULTILINE) == ["10001:10001"]
    assert "compileall" in text


def test_what_is_copied_into_the_image_is_let_into_its_context() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert [line[1:] for line in ignored if line.startswith("!")] == [
        "requirements/runtime.txt",
        "shared",
        "services",
    ]
