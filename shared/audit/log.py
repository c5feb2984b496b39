"""Reading the audit log for verification: from the database, or from an exported file.

An export is a file of JSON lines, `{"seal": …, "entry": …}` per position, then what is not sealed
yet. It holds all that verification needs besides the public key and the checkpoints.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.audit.chain import Entry, Seal
from shared.audit.checkpoint import Checkpoint
from shared.audit.verify import BrokenError, Verifier, VerifyResult, verifier
from shared.database import Connection
from shared.errors import PermanentError

Line = tuple[Seal | None, Entry | None]
_PAGE: Final = 1000

_LOG: Final = """
    SELECT s.position, s.entry_id, s.sealed_at, s.hash,
           e.xid::text::bigint AS xid, e.id, e.at, e.service, e.action, e.actor, e.subject,
           e.outcome, e.correlation_id, e.address, e.scope, e.reason, e.amount, e.before, e.after
      FROM audit.seal AS s
      FULL JOIN audit.entry AS e ON e.id = s.entry_id
     ORDER BY s.position NULLS LAST, e.id
"""


async def verify(
    conn: Connection,
    keys: Iterable[Ed25519PublicKey],
    exported: Iterable[Checkpoint] = (),
) -> VerifyResult:
    """Check the log in the database against its own checkpoints and those that were `exported`."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        stored = await read_checkpoints(conn)
        judge = verifier(keys, {*stored, *exported})
        try:
            async for seal, entry in read_log(conn):
                _take(judge, seal, entry)
            judge.finish()
        except BrokenError as error:
            return judge.result(str(error))
        return judge.result()


def verify_export(
    file: Path, keys: Iterable[Ed25519PublicKey], exported: Iterable[Checkpoint]
) -> VerifyResult:
    """Check an exported log without any database. Raises `PermanentError` for another file."""
    judge = verifier(keys, exported)
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                _take(judge, *_parse(line, number))
        judge.finish()
    except BrokenError as error:
        return judge.result(str(error))
    return judge.result()


async def export_log(conn: Connection, write: Callable[[bytes], object]) -> int:
    """Hand the log to `write` line by line, as one consistent picture; return the lines."""
    count = 0
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for seal, entry in read_log(conn):
            write(to_line(seal, entry))
            count += 1
    return count


def to_line(seal: Seal | None, entry: Entry | None) -> bytes:
    """Return one line of an export."""
    return orjson.dumps({"seal": seal, "entry": entry}, default=_plain) + b"\n"


async def read_checkpoints(conn: Connection) -> list[Checkpoint]:
    """Return the checkpoints that the database holds."""
    rows = await conn.fetch(
        "SELECT position, hash, at, key_id, signature FROM audit.checkpoint ORDER BY position"
    )
    return [Checkpoint(**row) for row in rows]


async def read_log(conn: Connection) -> AsyncIterator[Line]:
    """Go through the chain by position, then through what is not sealed; needs a transaction."""
    async for row in conn.cursor(_LOG, prefetch=_PAGE):
        yield _seal(row), _entry(row)


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _take(judge: Verifier, seal: Seal | None, entry: Entry | None) -> None:
    if seal is not None:
        judge.sealed(seal, entry)
    elif entry is not None:
        judge.unsealed(entry)


def _seal(row: asyncpg.Record) -> Seal | None:
    if row["position"] is None:
        return None
    return Seal(**{name: row[name] for name in Seal.__slots__})


def _entry(row: asyncpg.Record) -> Entry | None:
    if row["id"] is None:
        return None
    return Entry(**{name: row[name] for name in Entry.__slots__})


def _parse(line: bytes, number: int) -> Line:
    try:
        data = orjson.loads(line)
        seal, entry = data["seal"], data["entry"]
        if seal is not None:
            moment = datetime.fromisoformat(seal["sealed_at"])
            seal = Seal(**{**seal, "sealed_at": moment, "hash": bytes.fromhex(seal["hash"])})
        if entry is not None:
            course = entry["correlation_id"]
            entry = Entry(
                **{
                    **entry,
                    "at": datetime.fromisoformat(entry["at"]),
                    "correlation_id": None if course is None else UUID(course),
                }
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PermanentError(
            f"Line {number} is not a line of an exported audit log. Is it the right file?"
        ) from error
    # Each entry has one way of being written: what merely reads the same was changed as well.
    if to_line(seal, entry) != line:
        raise BrokenError(f"Line {number} is not as it was exported: it was changed.")
    return seal, entry
