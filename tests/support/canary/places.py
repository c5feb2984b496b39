"""Every place where a value could come to light: a new one joins by a line in `PLACES`.

No place joins without saying how a leak gets there: `plant` puts one there the way a mistake would,
and the test sees that it is found.
"""

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple
from uuid import uuid4

import asyncpg
from prometheus_client import Counter, generate_latest

from services.gateway.middleware import problems
from services.gateway.steps import export_audit
from shared.database.binaries import find_binaries
from shared.telemetry import get_logger
from tests.support.canary.people import ADMIN
from tests.support.canary.processes import family
from tests.support.canary.visit import Visit

MESSAGE: Final = (
    "INSERT INTO bus.message (id, type, headers, body) VALUES ($1, 'planted', '{}', $2)"
)
HEX: Final = re.compile(rb"\\x((?:[0-9a-f]{2})+)")


class Place(NamedTuple):
    """A place: how to read all of it, how to plant a leak, and where that shows as well."""

    name: str
    gather: Callable[[Visit], Awaitable[bytes]]
    plant: Callable[[Visit, bytes], Awaitable[object]]
    also: tuple[str, ...] = ()


async def dump(visit: Visit) -> bytes:
    """Return what `pg_dump` writes of the whole database, bytes as they are too."""
    program = find_binaries() / "pg_dump"
    written = (await output(str(program), visit.database.url())).replace(b"\\\\", b"\\")
    as_bytes = (bytes.fromhex(found[1].decode()) for found in HEX.finditer(written))
    return b"\n".join([written, *as_bytes])


async def output(*words: str) -> bytes:
    """Return what a program writes."""
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    written, _ = await process.communicate()
    assert process.returncode == 0, words[0]
    return written


async def plant_row(visit: Visit, leak: bytes) -> None:
    async with visit.database.connection() as admin:
        await admin.execute(MESSAGE, uuid4(), leak)


async def written_ahead(visit: Visit) -> bytes:
    """Return the write-ahead log from the visit's beginning, whole files of it."""
    async with visit.database.connection() as admin:
        first = await admin.fetchval("SELECT pg_walfile_name($1::text::pg_lsn)", visit.wal_begin)
        last = await admin.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    folder = visit.database.cluster.data / "pg_wal"
    names = sorted(file.name for file in folder.iterdir() if first <= file.name <= last)
    return b"".join((folder / name).read_bytes() for name in names)


async def plant_written_ahead(visit: Visit, leak: bytes) -> None:
    """Write a row that is taken back: no dump shows it, the log does."""
    async with visit.database.connection() as admin:
        with suppress(ZeroDivisionError):
            async with admin.transaction():
                await admin.execute(MESSAGE, uuid4(), leak)
                raise ZeroDivisionError


async def servers_log(visit: Visit) -> bytes:
    return visit.database.cluster.log.read_bytes()[visit.log_begin :]


async def plant_servers_log(visit: Visit, leak: bytes) -> None:
    """Write a value into a statement instead of giving it as a parameter; the statement fails."""
    async with visit.database.connection() as admin:
        with suppress(asyncpg.PostgresError):
            await admin.execute(f"SELECT '{leak.decode().replace(chr(39), chr(39) * 2)}'::int")


async def logs(visit: Visit) -> bytes:
    return visit.log.getvalue().encode()


async def plant_log(visit: Visit, leak: bytes) -> None:
    """Log a value under a name that tells nothing, and let a library log it."""
    del visit
    get_logger("services.scanner").debug("found something", found=leak.decode())
    logging.getLogger("azure.core").debug("Response: %s", leak.decode())


async def traces(visit: Visit) -> bytes:
    return "\n".join(span.to_json() for span in visit.spans.get_finished_spans()).encode()


async def plant_trace(visit: Visit, leak: bytes) -> None:
    tracer = visit.platform.services["scanner"].tracer_provider.get_tracer("planted")
    tracer.start_span("read", attributes={"item": leak.decode()}).end()


async def metrics(visit: Visit) -> bytes:
    parts = visit.platform.services.values()
    return b"".join(generate_latest(service.registry) for service in parts)


async def plant_metric(visit: Visit, leak: bytes) -> None:
    registry = visit.platform.services["alerting"].registry
    Counter("planted", "A label of whatever came.", ["what"], registry=registry).labels(
        leak.decode()
    ).inc()


async def answers(visit: Visit) -> bytes:
    return b"\n".join(visit.answers)


async def plant_answer(visit: Visit, leak: bytes) -> None:
    """Let the page for what is not there repeat something."""
    visit.patch.setitem(problems._SENTENCES, HTTPStatus.NOT_FOUND, leak.decode())
    await visit.ask("GET", "/nothing")


async def exports(visit: Visit) -> bytes:
    """Return the audit log in each form in which it is taken away."""
    forms = ("jsonl", "csv")
    headers = {"authorization": f"Bearer {visit.tokens[ADMIN]}"}
    address = visit.platform.url + "/api/v1/audit/export?format="
    taken = []
    for form in forms:
        async with visit.http.get(address + form, headers=headers) as answer:
            assert answer.status == HTTPStatus.OK
            taken.append(await answer.read())
    return b"\n".join(taken)


async def plant_export(visit: Visit, leak: bytes) -> None:
    """Let a value come between the names of the columns."""
    visit.patch.setattr(export_audit, "COLUMNS", (*export_audit.COLUMNS, leak.decode()))


async def process_list(visit: Visit) -> bytes:
    """Return the command lines of this process and all that came of it; anybody may read them."""
    del visit
    return b"\n".join(word for words in family(os.getpid()).values() for word in words)


async def plant_process(visit: Visit, leak: bytes) -> None:
    """Start a program that is told a value as an argument; it ends when its input does."""
    words = (sys.executable, "-c", "import sys; sys.stdin.read()", leak)
    start = partial(subprocess.Popen, words, stdin=subprocess.PIPE)
    visit.leave.enter_context(await asyncio.to_thread(start))


async def files(visit: Visit) -> bytes:
    """Return every file of the data folder; none that holds a secret is left when all is set up."""
    return b"\n".join(file.read_bytes() for file in visit.folder.rglob("*") if file.is_file())


async def plant_file(visit: Visit, leak: bytes) -> None:
    (visit.folder / "crash.dump").write_bytes(leak)


PLACES = (
    Place("the database's dump", dump, plant_row, also=("the write-ahead log",)),
    Place("the write-ahead log", written_ahead, plant_written_ahead),
    Place("the database server's log", servers_log, plant_servers_log),
    Place("the services' logs", logs, plant_log),
    Place("the traces", traces, plant_trace),
    Place("the metrics", metrics, plant_metric),
    Place("the answers", answers, plant_answer),
    Place("the exports", exports, plant_export),
    Place("the process list", process_list, plant_process),
    Place("the files", files, plant_file),
)
