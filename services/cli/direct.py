"""`scan` and `expiring` straight against a tenant: no platform, no database, your own rights.

The identity is the `az login` of whoever runs it, unless AZURE_CREDENTIAL says otherwise.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from pydantic import Field
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from services.cli.output import Found
from services.scanner.app import scan_directly
from services.scanner.steps.direct import Begun, Ended, Judged, Looked
from shared.clouds import from_variables
from shared.errors import PermanentError
from shared.events.scanning import ScanOutcome, VaultOutcome
from shared.selector import Selector
from shared.settings import CloudVariables, CredentialSource, load_settings

_LAST: Final = "9999"


class DirectVariables(CloudVariables):
    """Which cloud, and as whom: by default as whoever signed in with `az login`."""

    azure_credential: CredentialSource = Field(
        default="az-login", description="How the command line proves who it is to Entra."
    )


def scan(subscriptions: Sequence[str], selector: Selector, progress: Console) -> Found:
    """Read the estate and return every item, soonest end first."""
    return asyncio.run(_scan(subscriptions, selector, progress, lambda _: True))


def expiring(limit: datetime, progress: Console) -> Found:
    """Read the estate and return the enabled items that end before `limit`."""

    def ends(judged: Judged) -> bool:
        item = judged.item
        return item.enabled and item.expires_on is not None and item.expires_on <= limit

    return asyncio.run(_scan((), Selector(), progress, ends))


async def _scan(
    subscriptions: Sequence[str],
    selector: Selector,
    progress: Console,
    wanted: Callable[[Judged], bool],
) -> Found:
    cloud = from_variables(load_settings(DirectVariables))
    rows: list[Mapping[str, Any]] = []
    unreadable: list[str] = []
    ended: Ended | None = None
    names: dict[str, str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=progress, transient=True) as bars:
        bar = bars.add_task("vaults", total=None)
        looking = scan_directly(cloud, subscription_ids=subscriptions, selector=selector)
        async with aclosing(looking) as steps:
            async for step in steps:
                if isinstance(step, Begun):
                    names = {one.id: one.name for one in step.subscriptions}
                if isinstance(step, Looked):
                    rows += [_row(step, judged, names) for judged in step.items if wanted(judged)]
                    unreadable += _sentences(step)
                if isinstance(step, Ended):
                    ended = step
                _draw(bars, bar, step)
    if ended is None or ended.outcome is ScanOutcome.FAILED:
        raise PermanentError(f"The scan failed: {ended.error if ended else 'it was cut short'}")
    rows.sort(key=lambda row: (row["expires_on"] or _LAST, row["container"], row["name"]))
    return Found(rows=rows, unreadable=unreadable, summary=_summary(ended))


def _draw(bars: Progress, bar: TaskID, step: Begun | Looked | Ended) -> None:
    if isinstance(step, Begun):
        bars.update(bar, total=step.sources)
    elif isinstance(step, Looked):
        bars.advance(bar)


def _sentences(looked: Looked) -> list[str]:
    if looked.outcome is VaultOutcome.OK:
        return []
    told = f"{looked.name}: {looked.outcome}. {looked.reason}"
    return [f"{told} {looked.remedy}" if looked.remedy else told]


def _row(looked: Looked, judged: Judged, names: Mapping[str, str]) -> dict[str, Any]:
    item = judged.item
    subscription = looked.vault.subscription_id if looked.vault else None
    return {
        "kind": item.kind.value,
        "name": item.name,
        "container": item.application.display_name if item.application else looked.name,
        "subscription": names.get(subscription, subscription) if subscription else None,
        "expires_on": item.expires_on.isoformat() if item.expires_on else None,
        "status": judged.status.value,
        "days_left": judged.days_left,
    }


def _summary(ended: Ended) -> dict[str, Any]:
    return {
        "outcome": ended.outcome.value,
        "vaults": ended.sources,
        "unreadable": ended.unreadable,
        "items": ended.items,
        "error": ended.error,
    }
