"""What `up` puts together: the sandbox, and the variables of each service's process."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from services.cli.children import Child, Children
from services.cli.secrets_file import PlatformSecrets
from services.cli.settings import SERVICES, bare_environment, environment
from shared.errors import PermanentError
from shared.ports import free_port

SANDBOX_SECONDS: Final = 30.0
CLOUD_IDENTITIES: Final = {"scanner": "discover", "rotator": "rotate", "syncer": "sync"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked of `up`."""

    folder: Path
    port: int
    host: str
    split: bool
    sandbox: bool
    profile: str
    seed: int
    ready_file: Path | None
    bus: str


def role_url(admin_url: str, role: str, password: str) -> str:
    """Return the address of the same database for another role."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


async def start_sandbox(plan: Plan, children: Children) -> dict[str, Any]:
    """Start the simulated clouds and return where they are."""
    ready = plan.folder / "sandbox" / "ready.json"
    ready.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ready.unlink(missing_ok=True)
    ports = _kept_ports(plan.folder / "sandbox" / "ports.json")
    argv = [sys.executable, "-m", "sandbox", "--profile", plan.profile, "--seed", str(plan.seed)]
    argv += ["--port", str(ports["port"]), "--msi-port", str(ports["msi_port"])]
    argv += ["--state", str(ready.parent), "--ready-file", str(ready)]
    log = plan.folder / "logs" / "sandbox.log"
    await children.start(
        Child(name="sandbox", argv=argv, env=bare_environment(), log=log, supports=True)
    )
    return await read_when_written(ready, children, SANDBOX_SECONDS)


def _kept_ports(file: Path) -> dict[str, int]:
    """Return the sandbox's ports of the last start: a vault's address holds the port."""
    try:
        kept = json.loads(file.read_text())
        return {name: int(kept[name]) for name in ("port", "msi_port")}
    except (OSError, ValueError, KeyError, TypeError):  # the first start, or one that was cut off
        ports = {"port": free_port(), "msi_port": free_port()}
        file.write_text(json.dumps(ports))
        return ports


async def read_when_written(file: Path, children: Children, seconds: float) -> dict[str, Any]:
    """Wait for a JSON file that a child writes when it is ready."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline and not children.refused.is_set():
        if document := _document(file):
            return document
        await asyncio.sleep(0.05)
    raise PermanentError(f"{file.parent.name} was not ready within {seconds:.0f} s; see its log.")


def _document(file: Path) -> dict[str, Any] | None:
    """Return what the file holds once it is written; it is written whole."""
    document: dict[str, Any] | None = json.loads(file.read_text()) if file.exists() else None
    return document


def cloud_variables(sandbox: dict[str, Any] | None) -> dict[str, str]:
    """Return the variables that point services at the sandbox; none for a real tenant."""
    if sandbox is None:
        return {}
    found = {
        "CLOUD": "sandbox",
        "AZURE_CREDENTIAL": "managed-identity",
        "SANDBOX_PORT": str(sandbox["port"]),
        "SANDBOX_CA_FILE": sandbox["ca_file"],
        "AZURE_TENANT_ID": sandbox["tenant_id"],
        "IDENTITY_ENDPOINT": sandbox["identity_endpoint"],
        "IDENTITY_HEADER": sandbox["identity_header"],
    }
    for service, identity in CLOUD_IDENTITIES.items():
        client = sandbox["identities"][identity]["client_id"]
        found[f"{service.upper()}_AZURE_CLIENT_ID"] = client
    return found


def service_variables(
    plan: Plan, admin_url: str, bus_url: str, secrets: PlatformSecrets
) -> dict[str, str]:
    """Return what every service's process is told, each service's own under its name."""
    found = {
        "SECRET_KEY": secrets.secret_key,
        "BUS_URL": bus_url,
        "DATA_DIR": str(plan.folder),
        "GATEWAY_HTTP_HOST": plan.host,
        "GATEWAY_HTTP_PORT": str(plan.port),
    }
    for service in SERVICES:
        own = service.upper()
        found[f"{own}_DATABASE_URL"] = role_url(admin_url, service, secrets.passwords[service])
        found[f"{own}_INTERNAL_PORT"] = str(free_port())
    return found


def service_children(plan: Plan, variables: dict[str, str]) -> list[Child]:
    """Return the processes to run: one for all services, or one each.

    A service's process is handed only its own variables: the others' passwords are not in it.
    """
    if not plan.split:
        return [_child(plan, "all", variables)]
    return [_child(plan, name, _only(name, variables)) for name in SERVICES]


def _only(service: str, variables: dict[str, str]) -> dict[str, str]:
    others = tuple(f"{name.upper()}_" for name in SERVICES if name != service)
    if service not in CLOUD_IDENTITIES:
        others += ("IDENTITY_",)
    return {name: value for name, value in variables.items() if not name.startswith(others)}


def _child(plan: Plan, name: str, variables: dict[str, str]) -> Child:
    inherited = {key: value for key, value in environment().items() if key != "DATABASE_URL"}
    return Child(
        name="services" if name == "all" else name,
        argv=[sys.executable, "-m", "services", "serve", name],
        env={**inherited, **variables},
        log=plan.folder / "logs" / f"{name}.log",
    )
