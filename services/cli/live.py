"""What `up` shows in the terminal: the first discovery, then a line for whatever happens."""

import asyncio
from typing import Final

from asyncpg import Record
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from services.cli import live_queries
from services.cli.children import Children
from services.cli.digest import digest
from services.cli.output import print_table
from shared.database import Pool, create_pool
from shared.errors import TransientError

PAUSE_SECONDS: Final = 0.3
EVENTS_SECONDS: Final = 2.0
SOON_DAYS: Final = 30


async def watch(console: Console, url: str, children: Children) -> None:
    """Show progress until this is cancelled; a database that is away is waited for."""
    pool = await create_pool(url, service="gateway", max_size=1)
    try:
        await _first_scan(console, pool, children)
        last = await live_queries.newest_event(pool)
        while True:
            last = await _show_events(console, pool, last)
            await asyncio.sleep(EVENTS_SECONDS)
    finally:
        await pool.close()


async def _first_scan(console: Console, pool: Pool, children: Children) -> None:
    """Follow a scan that is under way or about to begin, then say what expires first."""
    scan = await _scan_under_way(pool, children)
    if scan is not None:
        await _follow(console, pool, scan)
    if summary := await live_queries.summary(pool):
        console.print(_summary_line(summary), highlight=False)
    for vault in await live_queries.unreadable(pool):
        console.print(f"  [yellow]could not look into[/] {escape(vault['name'])}:", highlight=False)
        for sentence in filter(None, (vault["outcome_reason"], vault["outcome_remedy"])):
            console.print(Padding(Text(sentence), (0, 0, 0, 4)))
    rows = await live_queries.expiring_first(pool)
    print_table(console, "What expires first", [dict(row) for row in rows])


async def _scan_under_way(pool: Pool, children: Children) -> object | None:
    """Return the id of the running scan, waiting a moment for the very first one."""
    for _ in range(50):
        scan = await live_queries.latest_scan(pool)
        if scan is not None:
            return scan["id"] if scan["state"] != "completed" else None
        if children.stopping:
            return None
        await asyncio.sleep(0.1)
    return None


async def _follow(console: Console, pool: Pool, scan_id: object) -> None:
    """Draw one bar per subscription until the scan has ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.fields[found]} items"), console=console) as progress:
        bars: dict[str, TaskID] = {}
        while True:
            for row in await live_queries.progress(pool, scan_id):
                _draw(progress, bars, row)
            scan = await live_queries.scan(pool, scan_id)
            if scan is None or scan["state"] == "completed":
                return
            await asyncio.sleep(PAUSE_SECONDS)


def _draw(progress: Progress, bars: dict[str, TaskID], row: Record) -> None:
    name = row["subscription_name"]
    if name not in bars:
        bars[name] = progress.add_task(escape(name), total=row["vaults"], found=0)
    progress.update(bars[name], total=row["vaults"], completed=row["done"], found=row["items"] or 0)


def _summary_line(summary: Record) -> str:
    return (
        f"[bold]{summary['items']:,}[/] items in [bold]{summary['vaults']}[/] vaults and the Entra"
        f" directory; [yellow]{summary['unreadable']} could not be read[/];"
        f" [red]{summary['expired']} expired[/], [red]{summary['soon']} expire within"
        f" {SOON_DAYS} days[/]."
    )


async def _show_events(console: Console, pool: Pool, last: int) -> int:
    """Print what has happened since `last` and return the newest id."""
    try:
        events = await live_queries.events_after(pool, last)
    except TransientError as error:
        console.print(f"[yellow]waiting for the database: {escape(str(error))}[/]")
        await asyncio.sleep(1)
        return last
    for at, sentence in digest([dict(event) for event in events]):
        console.print(f"[dim]{at:%H:%M:%S}[/] {escape(sentence)}", highlight=False)
    return int(events[-1]["id"]) if events else last
