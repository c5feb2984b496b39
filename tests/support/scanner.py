"""Helpers for the scanner's tests: values with sensible defaults, clouds that are dictionaries."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.scanner.domain.calls import Calls
from services.scanner.domain.directory import ApplicationKind, DirectoryObject
from services.scanner.domain.inventory import Application, Item, ItemKind, Subscription, VaultRef
from services.scanner.domain.listing import Entry, Page
from services.scanner.domain.remedy import Assignee
from services.scanner.domain.status import DEFAULT, Thresholds
from services.scanner.handlers import (
    on_rotation_published,
    on_scan_details_requested,
    on_scan_requested,
    on_scan_shard_requested,
)
from services.scanner.ports import Diagnostics, Grants
from services.scanner.steps.diagnose import DEFAULT_HOURS, DiagnosticsReader
from services.scanner.steps.enrich import Enricher
from services.scanner.steps.read import Readers
from services.scanner.steps.second_pass import SecondPass
from services.scanner.steps.visit import Visitor
from shared.bus import Message
from shared.clouds.errors import UnexpectedAnswerError
from shared.database import Connection, Pool
from shared.events import (
    Event,
    RotationPublished,
    ScanDetailsRequested,
    ScanRequested,
    ScanShardRequested,
    event_class,
)
from tests.support.details import FakeDetails

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EAST, WEST = "sub-east", "sub-west"
GRAPH = "https://graph.microsoft.com"
ASSIGNEE = Assignee("discover-id", GRAPH)


def an_item(name: str = "db-password", **changes: Any) -> Item:
    """A secret that is enabled and never expires, unless told otherwise."""
    kind = changes.pop("kind", ItemKind.SECRET)
    given = {
        "kind": kind,
        "external_id": f"{kind.value}s/{name}",
        "name": name,
        "created_on": NOW - 200 * DAY,
        "updated_on": NOW - 200 * DAY,
        "recovery_level": "Recoverable+Purgeable",
        "recoverable_days": 90,
        **changes,
    }
    return Item(**given)


def a_credential(key_id: str, app: str = "payments", **changes: Any) -> Item:
    """A client secret of an application."""
    given = {
        "kind": ItemKind.APP_SECRET,
        "external_id": f"{app}-object/{key_id}",
        "name": "ci",
        "not_before": NOW - 100 * DAY,
        "application": Application(
            object_id=f"{app}-object", app_id=f"{app}-app", display_name=app
        ),
        **changes,
    }
    return Item(**given)


def a_vault(name: str = "kv-pay", subscription_id: str = EAST, **changes: Any) -> VaultRef:
    given = {
        "resource_id": f"/subscriptions/{subscription_id}/resourceGroups/rg/providers"
        f"/Microsoft.KeyVault/vaults/{name}",
        "name": name,
        "uri": f"https://{name}.vault.example/",
        "subscription_id": subscription_id,
        "resource_group": "rg",
        "region": "westeurope",
        "sku": "standard",
        **changes,
    }
    return VaultRef(**given)


def registrations(credentials: Sequence[Item]) -> list[DirectoryObject]:
    """The applications that these credentials belong to, with no owner and no federation."""
    found = {one.application.object_id: one.application for one in credentials if one.application}
    return [
        DirectoryObject(
            kind=ApplicationKind.APPLICATION,
            object_id=each.object_id,
            app_id=each.app_id,
            display_name=each.display_name,
            owners=(),
            federated=(),
        )
        for each in found.values()
    ]


@dataclass
class FakeCloud:
    """An estate, its vaults and its directory; an exception in place of an answer is raised.

    `strange` names items that cannot be understood; `before_page` is called with a vault's name
    before each of its pages.
    """

    subscriptions_seen: list[Subscription] = field(
        default_factory=lambda: [
            Subscription(id=EAST, name="East"),
            Subscription(id=WEST, name="West"),
        ]
    )
    vaults_seen: list[VaultRef] = field(default_factory=list)
    holds: dict[str, list[Item] | Exception] = field(default_factory=dict)
    credentials_seen: list[Item] | Exception = field(default_factory=list)
    objects_seen: list[DirectoryObject] | None = None
    failure: Exception | None = None
    page_size: int = 25
    reads: list[str] = field(default_factory=list)
    hangs: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    before_page: Callable[[str], None] = lambda _: None

    def put(self, vault: VaultRef, *items: Item) -> VaultRef:
        self.vaults_seen.append(vault)
        self.holds[vault.name] = list(items)
        return vault

    def of(self, name: str) -> list[Item]:
        """The items of a vault that can be read, to change them."""
        held = self.holds[name]
        assert isinstance(held, list)
        return held

    async def subscriptions(self) -> list[Subscription]:
        if self.failure:
            raise self.failure
        return self.subscriptions_seen

    async def vaults(self, subscription_ids: Sequence[str]) -> list[VaultRef]:
        return [one for one in self.vaults_seen if one.subscription_id in subscription_ids]

    async def items(self, vault: VaultRef) -> AsyncIterator[Page]:
        self.reads.append(vault.name)
        async for page in self._pages(vault.name, self.holds[vault.name]):
            yield page

    async def listing(self) -> AsyncIterator[Page]:
        self.reads.append("directory")
        objects = self.objects_seen
        if objects is None and isinstance(self.credentials_seen, list):
            objects = registrations(self.credentials_seen)
        yield Page.of(objects=objects or ())
        async for page in self._pages("directory", self.credentials_seen):
            yield page

    async def _pages(self, name: str, held: list[Item] | Exception) -> AsyncIterator[Page]:
        if name in self.hangs:
            await asyncio.Event().wait()
        items = list(held) if isinstance(held, list) else []
        for start in range(0, len(items), self.page_size):
            self.before_page(name)
            await asyncio.sleep(0)
            yield Page(tuple(map(self._entry, items[start : start + self.page_size])))
        if isinstance(held, Exception):
            raise held

    def _entry(self, item: Item) -> Entry:
        entry = Entry.of(item)
        return (
            Entry(item.external_id, b"?", b"", _not_understood)
            if item.external_id in self.strange
            else entry
        )


def _not_understood(_: str, __: bytes) -> Item:
    raise UnexpectedAnswerError("The answer cannot be understood: `exp` is not a number.")


class SentTable:
    """An outbox that is one table, so that what it holds stands or falls with the transaction.

    `crash` makes the next emission of this event type raise, as a process that ends there does.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.crash: type[Event] | None = None

    async def emit(
        self, event: Event, *, connection: Connection, correlation_id: UUID | None = None
    ) -> UUID:
        event_id = uuid4()
        if self.crash is type(event):
            raise CrashedError
        await connection.execute(
            """
            INSERT INTO scanner.test_sent (id, type, body, correlation_id) VALUES ($1, $2, $3, $4)
            """,
            event_id,
            event.type,
            event.model_dump(mode="json"),
            correlation_id,
        )
        return event_id

    async def sent(self, kind: type[Any]) -> list[Any]:
        """Events of this type, in the order in which they were committed to the table."""
        rows = await self._pool.fetch(
            "SELECT body FROM scanner.test_sent WHERE type = $1 ORDER BY n", kind.type
        )
        return [kind.model_validate(row["body"]) for row in rows]

    async def messages(self, kind: type[Any]) -> list[tuple[Any, Message]]:
        """The same with their messages, to deliver them."""
        rows = await self._pool.fetch(
            "SELECT id, body FROM scanner.test_sent WHERE type = $1 ORDER BY n", kind.type
        )
        return [(kind.model_validate(row["body"]), a_message(kind, row["id"])) for row in rows]


class CrashedError(Exception):
    """Stands for the end of the process."""


def a_message(kind: type[Event], message_id: UUID | None = None, *, attempt: int = 0) -> Message:
    assert event_class(kind.type) is kind
    return Message(
        id=message_id or uuid4(),
        type=kind.type,
        source="test",
        time=datetime.now(UTC),
        correlation_id=uuid4(),
        causation_id=None,
        attempt=attempt,
        queue="test",
    )


@dataclass
class Rig:
    """The scanner without a bus: a cloud, a database, and messages that the test delivers."""

    pool: Pool
    cloud: FakeCloud
    outbox: SentTable
    at_once: int = 8
    page_seconds: float = 30.0
    thresholds: Thresholds = DEFAULT
    details: FakeDetails | None = None
    detail_calls: int = 20_000
    detail_hours: float = 168
    detail_batch: int = 200
    grants: Grants | None = None
    diagnostics: Diagnostics | None = None
    hours: float = DEFAULT_HOURS

    def reader(self) -> DiagnosticsReader | None:
        if self.diagnostics is None:
            return None
        return DiagnosticsReader(
            diagnostics=self.diagnostics,
            pool=self.pool,
            writers=asyncio.Semaphore(2),
            assignee=ASSIGNEE,
            hours=self.hours,
        )

    def visitor(self) -> Visitor:
        return Visitor(
            readers=Readers(
                vaults=self.cloud,
                directory=self.cloud,
                assignee=ASSIGNEE,
                page_seconds=self.page_seconds,
            ),
            writers=asyncio.Semaphore(2),
            at_once=self.at_once,
        )

    def enricher(self) -> Enricher:
        """The second pass; without `details` it is switched off."""
        return Enricher(
            details=self.details or FakeDetails(),
            writers=asyncio.Semaphore(2),
            calls=self.details.calls if self.details else Calls(),
            calls_per_shard=self.detail_calls if self.details else 0,
            hours=self.detail_hours,
            assignee=ASSIGNEE,
            seconds=self.page_seconds,
            at_once=self.at_once,
            batch=self.detail_batch,
        )

    async def request(self, message: Message | None = None, **event: Any) -> UUID:
        """Deliver a request for a scan; its shards wait to be delivered."""
        asked = ScanRequested(**{"scan_id": uuid4(), "requested_by": "ada", **event})
        await on_scan_requested(
            asked,
            message or a_message(ScanRequested),
            pool=self.pool,
            outbox=self.outbox,
            estate=self.cloud,
            grants=self.grants,
            assignee=ASSIGNEE,
        )
        return asked.scan_id

    async def shards(self, scan_id: UUID) -> list[tuple[ScanShardRequested, Message]]:
        return [
            (event, message)
            for event, message in await self.outbox.messages(ScanShardRequested)
            if event.scan_id == scan_id
        ]

    async def due_details(self, scan_id: UUID) -> list[tuple[ScanDetailsRequested, Message]]:
        """What was asked for when the scan's listings were complete."""
        return [
            (event, message)
            for event, message in await self.outbox.messages(ScanDetailsRequested)
            if event.scan_id == scan_id
        ]

    def second_pass(self) -> SecondPass:
        return SecondPass(enricher=self.enricher(), diagnostics=self.reader())

    async def deliver(self, event: ScanShardRequested, message: Message) -> None:
        await on_scan_shard_requested(
            event,
            message,
            pool=self.pool,
            outbox=self.outbox,
            visitor=self.visitor(),
            second_pass=self.second_pass(),
            thresholds=self.thresholds,
        )

    async def deliver_details(self, event: ScanDetailsRequested, message: Message) -> None:
        await on_scan_details_requested(
            event, message, pool=self.pool, outbox=self.outbox, second_pass=self.second_pass()
        )

    async def list_all(self, scan_id: UUID) -> None:
        """Deliver the shards of a scan; its details wait to be delivered."""
        for shard, message in await self.shards(scan_id):
            await self.deliver(shard, message)

    async def scan(self, **event: Any) -> UUID:
        """A whole scan without trouble."""
        scan_id = await self.request(**event)
        await self.list_all(scan_id)
        for due, message in await self.due_details(scan_id):
            await self.deliver_details(due, message)
        return scan_id

    async def rotated(self, event: RotationPublished, message: Message | None = None) -> None:
        await on_rotation_published(
            event,
            message or a_message(RotationPublished),
            pool=self.pool,
            outbox=self.outbox,
        )

    async def inventory(self, *, removed: bool = False) -> dict[tuple[str, str], dict[str, Any]]:
        """The live (or removed) items by vault and external id, as other services see them."""
        rows = await self.pool.fetch(
            """
            SELECT vault_name, external_id, kind, name, enabled, created_on, updated_on,
                   not_before, expires_on, content_type, tags, recovery_level, recoverable_days,
                   managed, version, thumbprint, application_object_id, application_id,
                   application_name, subscription_id
            FROM scanner.v_item WHERE (deleted_at IS NOT NULL) = $1
            """,
            removed,
        )
        return {(row["vault_name"], row["external_id"]): dict(row) for row in rows}

    async def row(self, sql: str, *arguments: object) -> dict[str, Any]:
        row = await self.pool.fetchrow(sql, *arguments)
        assert row is not None
        return dict(row)

    async def scan_row(self, scan_id: UUID) -> dict[str, Any]:
        return await self.row(
            """
            SELECT id, mode, state, outcome, requested_by, started_at, completed_at, vaults,
                   vaults_done, unreadable, items, added, changed, removed, error
            FROM scanner.v_scan WHERE id = $1
            """,
            scan_id,
        )

    async def outcome_of(self, scan_id: UUID, name: str) -> dict[str, Any]:
        return await self.row(
            """
            SELECT state, outcome, reason, remedy, items, added, changed, removed
            FROM scanner.v_scan_vault WHERE scan_id = $1 AND vault_name = $2
            """,
            scan_id,
            name,
        )

    async def feed(self) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT id, scan_id, name, what, fields FROM scanner.v_change ORDER BY id"
        )
        return [dict(row) for row in rows]


def stored(item: Item, vault: VaultRef | None) -> dict[str, Any]:
    """What `Rig.inventory` says of an item when every field was stored."""
    application = item.application
    return {
        "vault_name": vault.name if vault else "Microsoft Entra ID",
        "subscription_id": vault.subscription_id if vault else None,
        "kind": item.kind.value,
        "external_id": item.external_id,
        "name": item.name,
        "enabled": item.enabled,
        "created_on": item.created_on,
        "updated_on": item.updated_on,
        "not_before": item.not_before,
        "expires_on": item.expires_on,
        "content_type": item.content_type,
        "tags": dict(item.tags),
        "recovery_level": item.recovery_level,
        "recoverable_days": item.recoverable_days,
        "managed": item.managed,
        "version": item.version,
        "thumbprint": item.thumbprint,
        "application_object_id": application.object_id if application else None,
        "application_id": application.app_id if application else None,
        "application_name": application.display_name if application else None,
    }


def as_json(value: Mapping[str, Any]) -> str:
    """A value in one spelling, to compare what is not hashable."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
