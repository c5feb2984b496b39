"""All that the services keep, in a form that two runs over one estate share.

What differs from run to run by its nature is listed here and nowhere else: a column that is not
listed is compared, and so is every table that comes later. Rows that refer to each other keep doing
so: a generated id is replaced by what it stands for.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from tests.support.database import Database

# Tables of the machinery around the services' own, with why nothing in them can be the same.
EXCLUDED_TABLES: Final = {
    "audit.checkpoint": "when it is sealed is a matter of the clock; it holds signatures",
    "audit.seal": "a chain of hashes over ids and times; the entries themselves are compared",
    "bus.backend": "which bus was chosen, and when",
    "bus.delivery": "empty when all is done, and that is asserted",
    "bus.heartbeat": "processes and times",
    "bus.message": "what was published, until it is swept: ids and times",
    "bus.subscription": "the topology: the same by construction, and not a service's",
    "gateway.keyring": "random keys",
    "gateway.live_head": "a number of the stream",
    "gateway.rate_bucket": "how many requests were made lately",
    "gateway.session": "random ids and times",
    "gateway.signing_key": "random keys",
    "scanner.budget": "how fast the clouds were asked lately",
    "scanner.permission_turn": "who held a lease, and until when",
    "scanner.sweep_clock": "the time of a sweep",
}
# Generated ids that nothing refers to, and ids of messages.
EXCLUDED_IDS: Final = {
    "audit.entry": {"id", "xid", "correlation_id"},
    "alerting.delivery": {"id"},
    "alerting.inbox": {"message_id"},
    "gateway.inbox": {"message_id"},
    "gateway.live_event": {"id", "message_id", "correlation_id"},
    "licensing.inbox": {"message_id"},
    "rotator.inbox": {"message_id"},
    "scanner.application_change": {"id"},
    "scanner.change": {"id"},
    "scanner.inbox": {"message_id"},
    "scanner.scan": {"correlation_id"},
    "scanner.scan_vault": {"first_change_id", "last_change_id", "change_mark"},
    "scanner.threshold": {"message_id"},
    "scanner.vault_change": {"id"},
    "syncer.inbox": {"message_id"},
    "gateway.app_user": {"password_hash"},
}
# When something was done here. Times that the clouds tell are compared.
TIMES: Final = {
    "asked_at", "at", "began_at", "changed_at", "complete_at", "completed_at", "created_at",
    "delivered_at", "described", "details_since", "escalated_at", "expires_at", "finished_at",
    "first_seen_at", "grants_listed_at", "handled_at", "last_at", "last_complete_at",
    "last_failure_at", "last_scanned_at", "last_seen_at", "listed_at", "look_at", "progress_at",
    "raised_at", "read_at", "requested_at", "resolved_at", "seen_at", "since", "staged_at",
    "started_at", "swept_at", "taken_at", "told_at", "tried_at", "wrapped_at",
}  # fmt: skip
# Made from times: how many seconds an evaluation has left, and when an alert escalates.
FROM_TIMES: Final = {
    "alerting.alert": {"next_step_at"},
    "licensing.evaluation": {"ends_at"},
    "scanner.scan": {"calls", "resumed"},
    "scanner.scan_vault": {"calls"},
}
# The same in what events say: numbers of a feed, how often a cloud was asked (who is told twice may
# look twice), and how long it took.
EXCLUDED_KEYS: Final = {"first_change_id", "last_change_id", "change_mark", "calls", "seconds"}
# What stands for a generated id: the expression, and where it comes from.
IDENTITIES: Final = (
    ("vault", "SELECT id, kind || ' ' || name FROM scanner.vault"),
    ("application", "SELECT id, kind || ' ' || object_id FROM scanner.application"),
    (
        "item",
        """
        SELECT i.id, v.name || ' ' || i.external_id
          FROM scanner.item i JOIN scanner.vault v ON v.id = i.vault_id
        """,
    ),
    ("scan", "SELECT id, rank() OVER (ORDER BY requested_at) FROM scanner.scan"),
    ("alert", "SELECT id, rule_id || ' ' || kind || ' ' || name FROM alerting.alert"),
    ("user", "SELECT id, username FROM gateway.app_user"),
    ("session", "SELECT id, carrier FROM gateway.session"),
    ("schedule", "SELECT id, name FROM scanner.schedule"),
    ("check", "SELECT id, requested_by FROM scanner.permission_check"),
)
_NUMBERED: Final = {"vault_id": "vault", "item_id": "item", "application_id": "application"}
_OWN: Final = {
    "scanner.vault": "vault",
    "scanner.item": "item",
    "scanner.application": "application",
}
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ITEM: Final = re.compile(r"(?<=item/)\d+|(?<=items/)\d+")
_TOOK: Final = re.compile(r", [\d.]+ s$")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|\+00:00)")
_COLUMNS: Final = """
    SELECT table_schema || '.' || table_name AS name,
           array_agg(column_name::text ORDER BY column_name) AS columns
      FROM information_schema.tables
      JOIN information_schema.columns USING (table_schema, table_name)
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
     GROUP BY 1 ORDER BY 1
"""


class Names:
    """What the generated ids of one database stand for."""

    def __init__(self) -> None:
        self._by_uuid: dict[str, str] = {}
        self._by_number: dict[tuple[str, int], str] = {}

    def add(self, kind: str, generated: UUID | int, stands_for: object) -> None:
        if isinstance(generated, int):
            self._by_number[kind, generated] = f"{kind} {stands_for}"
        else:
            self._by_uuid[str(generated)] = f"{kind} {stands_for}"

    def plain(self, value: Any, kind: str | None = None) -> Any:
        """Return a value without generated ids; `kind` is what a number is the id of."""
        if isinstance(value, Mapping):
            return {
                key: self.plain(each, _NUMBERED.get(key))
                for key, each in value.items()
                if key not in EXCLUDED_KEYS
            }
        if isinstance(value, list | tuple):
            return [self.plain(each) for each in value]
        if kind is not None and isinstance(value, int):
            return self._by_number.get((kind, value), f"unknown {kind}")
        if value is None or isinstance(value, bool | int | float):
            return value
        text = _ITEM.sub(self._item, _UUID.sub(self._named, self._text(value)))
        return _TOOK.sub("", _TIME.sub("a time", text))

    def _text(self, value: Any) -> str:
        return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value)

    def _item(self, found: re.Match[str]) -> str:
        return self._by_number.get(("item", int(found[0])), found[0])

    def _named(self, found: re.Match[str]) -> str:
        return self._by_uuid.get(found[0], found[0])


async def dump(database: Database) -> dict[str, list[str]]:
    """Return each table's rows, sorted, in the form that two runs share."""
    async with database.connection() as conn:
        names = Names()
        for kind, query in IDENTITIES:
            for generated, stands_for in await conn.fetch(query):
                names.add(kind, generated, stands_for)
        tables = await conn.fetch(_COLUMNS)
        return {
            name: _rows(name, names, await conn.fetch(f"SELECT * FROM {name}"))  # noqa: S608 - from the catalogue
            for name, _ in tables
            if name not in EXCLUDED_TABLES
        }


def _rows(table: str, names: Names, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    left_out = TIMES | EXCLUDED_IDS.get(table, set()) | FROM_TIMES.get(table, set())
    return sorted(
        json.dumps(
            {
                column: names.plain(_read(value), _kind(table, column))
                for column, value in row.items()
                if column not in left_out
            },
            sort_keys=True,
        )
        for row in rows
    )


def _kind(table: str, column: str) -> str | None:
    return _OWN.get(table) if column == "id" else _NUMBERED.get(column)


def _read(value: Any) -> Any:
    """Return JSON as what it holds: asyncpg gives it as text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
