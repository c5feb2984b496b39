"""Garbage on the bus becomes dead letters with a reason; what is delivered again has no effect."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.database.connect import OwnConnection
from shared.events import SecretExpiring
from tests.support.database import Database
from tests.support.platform import running
from tests.support.sandbox import Sandbox
from tests.support.waiting import eventually

# One statement, so one moment. What comes round by itself may add messages meanwhile: of live
# events those count that messages of the first look led to.
COUNTS = """
    SELECT (SELECT count(*) FROM gateway.live_event
             WHERE $1::uuid[] IS NULL OR message_id = ANY ($1)) AS live,
           (SELECT count(*) FROM alerting.alert) AS alerts,
           (SELECT count(*) FROM scanner.change) AS changes,
           (SELECT count(*) FROM scanner.scan) AS scans,
           (SELECT count(*) FROM scanner.announcement) AS announced,
           (SELECT count(*) FROM bus.dead_letter) AS dead,
           coalesce($1, (SELECT array_agg(id ORDER BY id) FROM bus.message)) AS messages
     WHERE NOT EXISTS (SELECT FROM bus.delivery)
       AND (SELECT count(*) > 0 AND bool_and(state = 'completed') FROM scanner.scan)
"""
QUIET = ["alerting", "rotator", "syncer", "licensing", "gateway"]


def headers(wire_type: str, **changed: object) -> dict[str, object]:
    return {
        "ce-specversion": "1.0",
        "ce-id": str(uuid4()),
        "ce-type": wire_type,
        "ce-source": "scanner",
        "ce-time": datetime.now(UTC).isoformat(),
        "ce-correlationid": str(uuid4()),
        **changed,
    }


def garbage(wire_type: str) -> list[tuple[str, object, bytes]]:
    """Return messages for a queue: the reason that each must be given, headers and body."""
    good = headers(wire_type)
    noise = random.Random(7).randbytes(100)  # noqa: S311 - it protects nothing
    return [
        ("corrupt_body", good, b"{"),
        ("corrupt_body", good, b""),
        ("corrupt_body", good, b"null"),
        ("corrupt_body", good, noise),
        ("corrupt_body", good, b"[" * 100_000),
        ("invalid_event", good, b'{"a": "' + b"x" * 190_000 + b'"}'),
        ("invalid_event", good, b'{"item_id": ' + b"9" * 400 + b', "scan_id": 7}'),
        ("newer_version", headers(wire_type.removesuffix("1") + "9"), b"{}"),
        ("unknown_type", headers("x.y.z"), b"{}"),
        ("corrupt_headers", {}, b"{}"),
        ("corrupt_headers", [1, 2], b"{}"),
        ("corrupt_headers", "headers", b"{}"),
        ("corrupt_headers", None, b"{}"),
        ("corrupt_headers", headers(wire_type, **{"ce-id": [1]}), b"{}"),
        ("corrupt_headers", headers(wire_type, **{"ce-time": "2026-01-01"}), b"{}"),
    ]


async def put(admin: OwnConnection, queue: str, head: object, body: bytes) -> str:
    message_id = uuid4()
    await admin.execute(
        "INSERT INTO bus.message (id, type, headers, body) VALUES ($1, 'x', $2::text::jsonb, $3)",
        message_id,
        json.dumps(head),
        body,
    )
    await admin.execute(
        "INSERT INTO bus.delivery (queue, message_id, visible_at) VALUES ($1, $2, now())",
        queue,
        message_id,
    )
    return str(message_id)


async def test_garbage_becomes_dead_letters_and_the_next_message_is_handled(
    database: Database, tmp_path: Path
) -> None:
    queues = [f"{name}.{SecretExpiring.type}" for name in ("alerting", "rotator", "gateway")]
    async with running(database, tmp_path, names=QUIET), database.connection() as admin:
        wanted: dict[str, str] = {}
        for queue in queues:
            for reason, head, body in garbage(SecretExpiring.type):
                wanted[await put(admin, queue, head, body)] = reason
        await admin.execute("SELECT pg_notify('bus', queue) FROM bus.subscription")

        async def all_dead() -> bool:
            return await admin.fetchval("SELECT count(*) FROM bus.dead_letter") == len(wanted)

        await eventually(all_dead, seconds=12)
        rows = await admin.fetch("SELECT message_id, reason, description FROM bus.dead_letter")
        left = await admin.fetchval("SELECT count(*) FROM bus.delivery")

    assert {str(row["message_id"]): row["reason"] for row in rows} == wanted
    assert all(row["description"].endswith(".") for row in rows)
    assert left == 0


@pytest.mark.usefixtures("cloud_variables")
async def test_everything_delivered_again_in_any_order_changes_nothing(
    database: Database, random_sandbox: Sandbox, tmp_path: Path
) -> None:
    async with (
        running(database, tmp_path, sandbox=random_sandbox.ready),
        database.connection() as admin,
    ):

        async def settled(messages: Sequence[UUID] | None = None) -> dict[str, Any] | None:
            found = await admin.fetchrow(COUNTS, messages)
            return dict(found) if found is not None else None

        before = await eventually(settled, seconds=30)
        again = await admin.execute(
            """
            INSERT INTO bus.delivery (queue, message_id, visible_at)
            SELECT s.queue, m.id, now()
            FROM bus.message m JOIN bus.subscription s ON s.type = m.type
            WHERE m.id = ANY ($1)
            ORDER BY random()
            """,
            before["messages"],
        )
        await admin.execute("SELECT pg_notify('bus', queue) FROM bus.subscription")
        after = await eventually(partial(settled, before["messages"]), seconds=30)

    assert int(again.split()[-1]) > 50
    assert before["dead"] == 0
    assert after == before
