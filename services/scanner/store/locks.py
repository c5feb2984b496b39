"""Advisory locks: one writer for each vault and for the estate, one replica for a periodic task.

All last until the transaction ends, so a crash releases them. Whoever takes several takes them in
this order: the estate's, vaults' (the smaller id first), the rules'.
"""

from enum import IntEnum
from typing import Final

from shared.database import Connection

_VAULT: Final = 7_301
_TASK: Final = 7_302
_ESTATE: Final = 7_303
_RULES: Final = 7_304


class Task(IntEnum):
    """The periodic tasks of which one replica at a time does a turn."""

    EXPIRY_SWEEP = 1
    SCAN_WATCHDOG = 2
    SCAN_SCHEDULES = 61
    RETENTION = 62
    REJUDGE = 3


async def lock_vault(conn: Connection, vault_id: int) -> None:
    """Wait until nobody else writes this vault's items; two writers would add an item twice."""
    await conn.execute("SELECT pg_advisory_xact_lock($1, $2)", _VAULT, vault_id)


async def lock_estate(conn: Connection) -> None:
    """Wait until nobody else records what the control plane listed: one estate after another."""
    await conn.execute("SELECT pg_advisory_xact_lock($1, 0)", _ESTATE)


async def try_task(conn: Connection, task: Task) -> bool:
    """Take a task's lease for this transaction; False while another replica has it."""
    taken: bool = await conn.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", _TASK, task.value)
    return taken


async def lock_rules(conn: Connection, *, to_change: bool = False) -> None:
    """Keep the rules on thresholds as they are while items are judged by them.

    Whoever changes one waits until everybody who judges has committed. So each item is either
    visible to those who judge anew after the change, or judged by the changed rules.
    """
    shared = "" if to_change else "_shared"
    await conn.execute(f"SELECT pg_advisory_xact_lock{shared}($1, 0)", _RULES)
