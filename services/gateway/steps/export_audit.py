"""Handing the whole audit log out, as one consistent picture, line by line."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from services.gateway.domain import problem
from services.gateway.domain.caller import Caller
from services.gateway.domain.csv_cell import plain
from services.gateway.domain.session import Session
from services.gateway.steps import audit_trail
from shared.audit import read_log, to_line
from shared.audit.chain import Entry, Seal
from shared.database import Pool

LINES_AT_ONCE: Final = 500
LONGEST_SECONDS: Final = 600.0
COLUMNS: Final = ("position", "sealed_at", "hash", *Entry.__slots__)

Write: TypeAlias = Callable[[Seal | None, Entry | None], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAudit:
    """Exports the log, one at a time in a replica: each holds a connection until it has ended."""

    pool: Pool
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def begin(self, session: Session, form: str, caller: Caller) -> AsyncIterator[bytes]:
        """Record who takes the log away, and return its bytes: `jsonl`, or `csv`.

        Raises `ProblemError` while another export runs here.
        """
        if self.gate.locked():
            raise problem.unavailable("Another export of the audit log runs; try again later.", 30)
        async with self.pool.transaction() as conn:
            await audit_trail.audit_exported(conn, session, form, caller)
        return self._parts(_as_csv if form == "csv" else to_line, form)

    async def _parts(self, write: Write, form: str) -> AsyncIterator[bytes]:
        async with self.gate, asyncio.timeout(LONGEST_SECONDS):
            if form == "csv":
                yield _row(COLUMNS)
            async with (
                self.pool.acquire() as conn,
                conn.transaction(isolation="repeatable_read", readonly=True),
            ):
                part: list[bytes] = []
                async for seal, entry in read_log(conn):
                    part.append(write(seal, entry))
                    if len(part) == LINES_AT_ONCE:
                        yield b"".join(part)
                        part.clear()
                yield b"".join(part)


def _as_csv(seal: Seal | None, entry: Entry | None) -> bytes:
    place = (seal.position, seal.sealed_at, seal.hash.hex()) if seal else ("", "", "")
    return _row((*place, *(getattr(entry, name, None) for name in Entry.__slots__)))


def _row(values: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(map(plain, values))
    return text.getvalue().encode()
