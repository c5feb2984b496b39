"""`doctor` through a running platform's API: the scanner has the identity, so it looks."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from rich.console import Console

from services.cli.client import PAGE, Client
from services.cli.doctor_output import Findings, Row
from shared.errors import PermanentError, TransientError

POLL_SECONDS: Final = 0.5
LIMIT_SECONDS: Final = 900.0


def examine(
    client: Client, *, look: bool, progress: Console, pause: Callable[[float], None] = time.sleep
) -> Findings:
    """Ask for a look, wait for its end, and return it; or the last one, without looking again."""
    if look:
        asked = datetime.fromisoformat(client.post("/permissions/check", {})["requested_at"])
        with progress.status("looking at what the identity may do"):
            check: dict[str, Any] | None = _wait(client, asked, pause)
    else:
        check = _last(client)
    if check is None:
        raise PermanentError("Nothing was checked yet: run certifyclouds doctor without --last.")
    return Findings(check=check, rows=_rows(client, check["id"]))


def _wait(client: Client, asked: datetime, pause: Callable[[float], None]) -> dict[str, Any]:
    for _ in range(int(LIMIT_SECONDS / POLL_SECONDS)):
        check = _last(client)
        if check is not None and datetime.fromisoformat(check["began_at"]) > asked:
            return check
        pause(POLL_SECONDS)
    raise TransientError(
        "The check goes on after a quarter of an hour, or the scanner is away: see the health page,"
        " and later certifyclouds doctor --last."
    )


def _last(client: Client) -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.get("/permissions", limit=1)["check"]
    return found


def _rows(client: Client, check_id: str) -> list[Row]:
    """Return every row of a check, page by page."""
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        page = client.get("/permissions", limit=PAGE, cursor=cursor)
        if page["check"]["id"] != check_id:
            raise TransientError("Another check ended meanwhile; run the command again.")
        rows += page["data"]
        cursor = page["meta"]["next_cursor"]
        if not cursor:
            return rows
