"""`certifyclouds up`: everything on one machine, started and stopped in order."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console

from services.cli.children import Children
from services.cli.folder import own_folder
from services.cli.keeper import Report, keep_running
from services.cli.live import watch
from services.cli.namespace import chosen_bus
from services.cli.platform import (
    Plan,
    cloud_variables,
    role_url,
    service_children,
    service_variables,
    start_sandbox,
)
from services.cli.secrets_file import PlatformSecrets, keep_secrets
from services.cli.settings import PlatformSettings
from shared.database import resolve
from shared.database.migrator import migrate
from shared.errors import PermanentError, TransientError
from shared.settings import load_settings

START_SECONDS: Final = 60.0
SETUP_TOKEN_FILE: Final = "setup-token"  # noqa: S105 - a file's name


async def up(plan: Plan, console: Console) -> int:
    """Run the platform until Ctrl-C or SIGTERM; return the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    children = Children(report=lambda line: console.print(line, style="yellow", highlight=False))
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(_run(plan, console, children, stack))
        stopped = asyncio.create_task(stop.wait())
        refused = asyncio.create_task(children.refused.wait())
        await asyncio.wait({running, stopped, refused}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, stopped, refused):
            task.cancel()
        console.print("Stopping …", highlight=False)
        await children.stop()
        outcome = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    console.print(f"Stopped. The data stays in {plan.folder}.", highlight=False)
    return 1 if children.refused.is_set() and not stop.is_set() else 0


async def _run(plan: Plan, console: Console, children: Children, stack: AsyncExitStack) -> None:
    """Start everything, say where it is, and show what happens."""
    settings = load_settings(PlatformSettings)
    stack.enter_context(own_folder(plan.folder))
    given = settings.secret_key.get_secret_value() if settings.secret_key else None
    secrets = keep_secrets(plan.folder, secret_key=given)
    sandbox, admin_url = await asyncio.gather(
        start_sandbox(plan, children) if plan.sandbox else _nothing(),
        _database(settings, plan, stack, children.report),
    )
    async with chosen_bus(settings, plan, children) as bus:
        await migrate(
            admin_url,
            passwords=secrets.passwords,
            bus_url=bus.url,
            bus_url_previous=bus.previous,
        )
    variables = service_variables(plan, admin_url, bus.url, secrets)
    variables |= cloud_variables(sandbox)
    variables["GATEWAY_SETUP_TOKEN_FILE"] = str(plan.folder / SETUP_TOKEN_FILE)
    (plan.folder / SETUP_TOKEN_FILE).unlink(missing_ok=True)
    for child in service_children(plan, variables):
        await children.start(child)
    await _all_started(variables, children)
    token = _setup_token(plan)
    _announce(plan, console, token, sandbox)
    if plan.ready_file:
        _write_ready(plan.ready_file, _ready(plan, token, sandbox, admin_url, bus.url))
    await watch(console, _reader_url(admin_url, secrets), children)


async def _nothing() -> None:
    return None


async def _database(
    settings: PlatformSettings, plan: Plan, stack: AsyncExitStack, report: Report
) -> str:
    """Return an administrator's address: the given database, or an embedded one that is kept up."""
    given = settings.database_url.get_secret_value() if settings.database_url else None
    resolved = resolve(given, plan.folder / "postgres")
    stack.callback(resolved.close)
    if resolved.cluster:
        stack.callback(asyncio.create_task(keep_running(resolved.cluster, report)).cancel)
    return resolved.url


async def _all_started(variables: dict[str, str], children: Children) -> None:
    """Wait until every service says that it has started. Raises `TransientError` after a while."""
    ports = [value for name, value in variables.items() if name.endswith("_INTERNAL_PORT")]
    try:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=2) as http,
            asyncio.timeout(START_SECONDS),
        ):
            for port in ports:
                while not await _started(http, port):
                    if children.refused.is_set():
                        raise PermanentError("A service refused to run; see the line above.")
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise TransientError(
            f"The services did not start within {START_SECONDS:.0f} s; see the logs beside the"
            " data."
        ) from None


async def _started(http: httpx.AsyncClient, port: str) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/startup")).status_code == 200  # noqa: PLR2004 - HTTP's own number
    except httpx.HTTPError:
        return False


def _setup_token(plan: Plan) -> str | None:
    """Return the one-time token that the gateway wrote; none once there is an administrator."""
    file = plan.folder / SETUP_TOKEN_FILE
    return file.read_text().strip() if file.exists() else None


def _reader_url(admin_url: str, secrets: PlatformSecrets) -> str:
    return role_url(admin_url, "gateway", secrets.passwords["gateway"])


def _announce(
    plan: Plan, console: Console, token: str | None, sandbox: dict[str, Any] | None
) -> None:
    url = f"http://{plan.host}:{plan.port}"
    console.print()
    console.print(f"[bold]CertifyClouds[/] is running at [bold cyan]{url}[/]", highlight=False)
    console.print(f"  API documentation   {url}/docs", highlight=False)
    if token:
        console.print(f"  One-time set-up token for the first administrator   [bold]{token}[/]")
    if sandbox:
        console.print("  Sandbox estate: nothing here is real, and nothing leaves this machine.")
    console.print("  Ctrl-C stops everything; the data stays.\n", highlight=False)


def _ready(
    plan: Plan, token: str | None, sandbox: dict[str, Any] | None, database_url: str, bus_url: str
) -> dict[str, object]:
    return {
        "url": f"http://{plan.host}:{plan.port}",
        "setup_token": token,
        "sandbox": sandbox,
        "database_url": database_url,
        "bus_url": bus_url or "postgresql",
    }


def _write_ready(file: Path, content: dict[str, object]) -> None:
    """Write the ready file whole or not at all, readable by its owner only: it names passwords."""
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out)
    draft.replace(file)
