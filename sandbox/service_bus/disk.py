"""What a namespace keeps on disk: SQLite beside it.

All changes of one turn of the event loop are one transaction, committed before the answers of that
turn leave. Nothing is forced out of the kernel's cache: this outlives the process, however it ends,
and not the machine.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from sandbox.service_bus.entities.entity import Entity
from sandbox.service_bus.entities.options import Options
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.entities.rules import CorrelationFilter, FalseFilter, Filter, TrueFilter
from sandbox.service_bus.entities.stored import Stored
from sandbox.service_bus.entities.topic import Subscription, Topic
from sandbox.service_bus.message import Message
from sandbox.service_bus.namespace import Namespace

_OPTIONS: Final = TypeAdapter(Options)
_FILTERS: Final[dict[str, TypeAdapter[Any]]] = {
    kind.__name__: TypeAdapter(kind) for kind in (TrueFilter, FalseFilter, CorrelationFilter)
}
_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS entity (path TEXT PRIMARY KEY, kind TEXT, options BLOB);
    CREATE TABLE IF NOT EXISTS rule (path TEXT, name TEXT, kind TEXT, filter BLOB);
    CREATE TABLE IF NOT EXISTS sequence (path TEXT PRIMARY KEY, number INTEGER);
    CREATE TABLE IF NOT EXISTS seen (path TEXT, id TEXT, at REAL);
    CREATE INDEX IF NOT EXISTS seen_at ON seen (path, at);
    CREATE TABLE IF NOT EXISTS message (
        path TEXT, sequence INTEGER, raw BLOB, enqueued REAL, expires REAL, state INTEGER,
        delivery_count INTEGER, source TEXT, due REAL, PRIMARY KEY (path, sequence)
    );
"""


class Disk:
    """Implements `Keeping` in a file. Raises `sqlite3.Error` when it cannot be written."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self.commit()
        self._db.close()

    # Messages

    def add(self, path: str, stored: Stored, due: float | None = None) -> None:
        self._db.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                stored.sequence,
                stored.message.raw,
                stored.enqueued,
                stored.expires,
                stored.state,
                stored.delivery_count,
                stored.source,
                due,
            ),
        )

    def change(self, path: str, stored: Stored) -> None:
        self._db.execute(
            "UPDATE message SET state = ?, delivery_count = ? WHERE path = ? AND sequence = ?",
            (stored.state, stored.delivery_count, path, stored.sequence),
        )

    def remove(self, path: str, sequence: int) -> None:
        self._db.execute("DELETE FROM message WHERE path = ? AND sequence = ?", (path, sequence))

    def reserve(self, path: str, sequence: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO sequence VALUES (?, ?)", (path, sequence))

    def saw(self, path: str, message_id: str, at: float) -> None:
        self._db.execute("INSERT INTO seen VALUES (?, ?, ?)", (path, message_id, at))

    def forget(self, path: str, until: float) -> None:
        self._db.execute("DELETE FROM seen WHERE path = ? AND at <= ?", (path, until))

    def drop(self, path: str) -> None:
        for table in ("message", "seen", "sequence"):
            self._db.execute(
                f"DELETE FROM {table} WHERE path = ? OR substr(path, 1, ?) = ?",  # noqa: S608 - our own names
                (path, len(path) + 1, path + "/"),
            )

    def commit(self) -> None:
        self._db.commit()

    # Entities

    def save(self, namespace: Namespace) -> None:
        """Keep which entities and rules there are."""
        self._db.execute("DELETE FROM entity")
        self._db.execute("DELETE FROM rule")
        for entity in _all(namespace.entities()):
            self._db.execute(
                "INSERT INTO entity VALUES (?, ?, ?)",
                (entity.path, type(entity).__name__, _OPTIONS.dump_json(entity.options)),
            )
            if isinstance(entity, Subscription):
                self._db.executemany("INSERT INTO rule VALUES (?, ?, ?, ?)", _rules(entity))
        self.commit()

    def load(self, namespace: Namespace) -> None:
        """Make again, in an empty namespace, what was kept; whatever was locked is free."""
        namespace.keeping = self
        rows = self._db.execute("SELECT path, kind, options FROM entity ORDER BY kind = ?", _LAST)
        for path, kind, options in rows.fetchall():
            self._load(namespace, path, kind, _OPTIONS.validate_json(options))

    def _load(self, namespace: Namespace, path: str, kind: str, options: Options) -> None:
        if kind == Subscription.__name__:
            topic, name = path.split("/Subscriptions/")
            entity: Entity = namespace.create_subscription(topic, name, self._filters(path))
            entity.options = options
        else:
            made = Topic if kind == Topic.__name__ else Queue
            entity = namespace.add(made(path, options, namespace))
        holders = [entity]
        if isinstance(entity, Queue):
            holders += [entity.dead_letters, entity.transfer_dead_letters]
        for holder in holders:
            self._fill(holder)

    def _filters(self, path: str) -> dict[str, Filter]:
        found = self._db.execute("SELECT name, kind, filter FROM rule WHERE path = ?", (path,))
        return {name: _FILTERS[kind].validate_json(given) for name, kind, given in found}

    def _fill(self, entity: Entity) -> None:
        number = self._db.execute("SELECT number FROM sequence WHERE path = ?", (entity.path,))
        entity.restore(
            sequence=next(number, (0,))[0],
            seen=self._db.execute(
                "SELECT id, at FROM seen WHERE path = ? ORDER BY at", (entity.path,)
            ).fetchall(),
            messages=self._messages(entity.path),
        )

    def _messages(self, path: str) -> Iterator[tuple[Stored, float | None]]:
        rows = self._db.execute(
            "SELECT sequence, raw, enqueued, expires, state, delivery_count, source, due"
            " FROM message WHERE path = ? ORDER BY sequence",
            (path,),
        )
        for sequence, raw, enqueued, expires, state, count, source, due in rows:
            stored = Stored(sequence, Message(raw), enqueued, expires, state, count, source=source)
            yield stored, due


_LAST: Final = (Subscription.__name__,)


def _all(entities: Iterable[Entity]) -> Iterator[Entity]:
    for entity in entities:
        yield entity
        if isinstance(entity, Topic):
            yield from entity.subscriptions.values()


def _rules(of: Subscription) -> Iterator[tuple[str, str, str, bytes]]:
    for name, rule in of.rules.items():
        kind = type(rule).__name__
        yield of.path, name, kind, _FILTERS[kind].dump_json(rule)
