"""`scan` and `expiring` through a running platform's API."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.cli.client import Client
from services.cli.output import Found
from shared.errors import PermanentError, TransientError
from shared.selector import Selector

POLL_SECONDS: Final = 0.5
LIMIT_SECONDS: Final = 3600.0

Pause = Callable[[float], None]


def scan(
    client: Client, mode: str, subscriptions: list[str], selector: Selector, progress: Console
) -> Found:
    """Ask for a scan, draw its progress, and return the inventory with what was unreadable."""
    body: dict[str, Any] = {"mode": mode}
    if subscriptions:
        body["subscriptions"] = subscriptions
    if selector:
        body["selector"] = str(selector)
    scan_id = str(client.post("/scans", body)["id"])
    result = _draw(progress, follow(client, scan_id))
    if result["outcome"] == "failed":
        raise PermanentError(f"The scan failed: {result['error']}")
    return Found(
        rows=[_row(item) for item in client.items(sort="expires_on")],
        unreadable=list(_unreadable(client, scan_id)),
        summary={key: value for key, value in result.items() if key != "vaults_detail"},
    )


def follow(client: Client, scan_id: str, pause: Pause = time.sleep) -> Iterator[dict[str, Any]]:
    """Yield the scan's state until it has ended; the last one is the result."""
    for _ in range(int(LIMIT_SECONDS / POLL_SECONDS)):
        state = client.get(f"/scans/{scan_id}")
        yield state
        if state["state"] == "completed":
            return
        pause(POLL_SECONDS)
    raise TransientError(f"Scan {scan_id} goes on after an hour; see GET /api/v1/scans/{scan_id}.")


def expiring(client: Client, limit: datetime) -> Found:
    """Return what ends before `limit`, soonest first; what never ends comes last and stops it."""
    rows = []
    for item in client.items(sort="expires_on"):
        if item["expires_on"] is None or datetime.fromisoformat(item["expires_on"]) > limit:
            break
        if item["enabled"]:
            rows.append(_row(item))
    return Found(rows=rows, unreadable=[_vault_sentence(vault) for vault in _vaults_unread(client)])


def _draw(console: Console, states: Iterator[dict[str, Any]]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("vaults", total=None)
        for last in states:
            progress.update(bar, total=last["vaults"] or None, completed=last["vaults_done"])
    return last


def _unreadable(client: Client, scan_id: str) -> Iterator[str]:
    for vault in client.get(f"/scans/{scan_id}/vaults")["data"]:
        if vault["outcome"] not in ("ok", None):
            yield f"{vault['vault_name']}: {vault['outcome']}. {vault['reason'] or ''}"


def _vaults_unread(client: Client) -> Iterator[dict[str, Any]]:
    yield from client.get("/overview")["unreadable"]


def _vault_sentence(vault: dict[str, Any]) -> str:
    return f"{vault['name']}: {vault['outcome']}. {vault['reason']}"


def _row(item: dict[str, Any]) -> dict[str, Any]:
    container = item["vault_name"]
    if item.get("application_name"):
        container = item["application_name"]
    return {
        "kind": item["kind"],
        "name": item["name"],
        "container": container,
        "subscription": item.get("subscription_name") or item.get("subscription_id"),
        "expires_on": item["expires_on"],
        "status": item["status"],
    }
