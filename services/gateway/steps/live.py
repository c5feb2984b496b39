"""The live stream of one replica: woken by NOTIFY, read from the rows.

A notification only says “look”. What a stream delivers comes from `live_event` by number, so that
nothing is lost when a notification is, and each replica's streams deliver every event.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from services.gateway.domain import problem
from services.gateway.domain.scope import Scope
from services.gateway.domain.session import Ended
from services.gateway.domain.sight import SCAN_ENDED, About, sees, subject_of
from services.gateway.queries import scans
from services.gateway.queries.sight import places_of
from services.gateway.steps.cached import Cached
from services.gateway.steps.encoding import to_json
from services.gateway.store import live_events
from services.gateway.store.live_events import LiveEvent
from shared.database import Pool
from shared.errors import TransientError
from shared.events import ScanCompleted, VaultScanned

PING_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
_OF_SCANS: Final = frozenset({VaultScanned.type, ScanCompleted.type})


@dataclass(slots=True, kw_only=True)
class LiveHub:
    """Wakes this replica's streams; `on_wake` hears what happened (an event's type) as well."""

    pool: Pool
    most: int
    on_wake: Callable[[str], None] = lambda _: None
    closed: bool = False
    _streams: set[asyncio.Event] = field(default_factory=set)

    @property
    def streams(self) -> int:
        """Return how many streams are open."""
        return len(self._streams)

    async def run(self) -> None:
        """Listen until cancelled; then every stream ends."""
        self.closed = False
        try:
            async with self.pool.listen(live_events.CHANNEL, self._woken):
                await asyncio.Event().wait()
        finally:
            self.closed = True
            self._woken("")

    def refuse_if_full(self) -> None:
        """Raise `ProblemError` when there are too many streams."""
        if len(self._streams) >= self.most:
            raise problem.unavailable("Too many live streams are open here; try again later.", 30)

    def open(self) -> asyncio.Event:
        """Return the bell of a new stream."""
        bell = asyncio.Event()
        self._streams.add(bell)
        return bell

    def close(self, bell: asyncio.Event) -> None:
        """Let go of a stream's bell."""
        self._streams.discard(bell)

    def _woken(self, what: str) -> None:
        self.on_wake(what)
        for bell in self._streams:
            bell.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStream:
    """One browser's stream: a snapshot, then every event once, in order, with pings between."""

    pool: Pool
    hub: LiveHub
    overview: Cached[dict[str, Any]]
    has_ended: Callable[[], Awaitable[Ended | None]]
    scope: Scope | None = None
    ping_seconds: float = PING_SECONDS

    async def frames(self, last_event_id: int | None, bell: asyncio.Event) -> AsyncIterator[bytes]:
        """Yield the stream's bytes until the session, the replica or the database goes away.

        After any of these the browser comes back with the last id it saw; so it does when what its
        user may see has changed, and the stream then begins within that.
        """
        yield b"retry: %d\n\n" % RETRY_MILLISECONDS
        try:
            position, first = await self._begin(last_event_id)
            yield first
            while not self.hub.closed:
                bell.clear()
                events = await live_events.list_events(self.pool, after=position)
                # After the events were read and before they are told: who may not see them any
                # more does not.
                ended = await self.has_ended()
                if ended:
                    if ended is not Ended.RIGHTS_CHANGED:
                        yield b"event: session-ended\ndata: {}\n\n"
                    return
                seen = await self._seen(events)
                known = await self._progress(seen)
                for event in seen:
                    yield _frame(event, known)
                position = events[-1].id if events else position
                if not events and not await self._rung(bell):
                    yield b": ping\n\n"
        except TransientError:
            return

    async def _begin(self, last_event_id: int | None) -> tuple[int, bytes]:
        """Return where the events go on, and the snapshot that comes before them.

        The snapshot is read after the position: what happens in between is delivered again, never
        left out. It carries an id only where events do not go on from an earlier one.
        """
        before, newest = await live_events.known_range(self.pool)
        resumed = last_event_id is not None and before <= last_event_id <= newest
        snapshot = {
            "resumed": resumed,
            "scans": await scans.running_scans(self.pool, self.scope),
            "overview": await self.overview.get(),
        }
        head = b"event: snapshot\n" if resumed else b"id: %d\nevent: snapshot\n" % newest
        position = last_event_id if resumed and last_event_id is not None else newest
        return position, head + b"data: " + to_json(snapshot) + b"\n\n"

    async def _seen(self, events: Sequence[LiveEvent]) -> list[LiveEvent]:
        """Return the events that the reader may see; the end of a scan without its numbers."""
        if self.scope is None:
            return list(events)
        subjects = {event.id: subject_of(event.type, event.data) for event in events}
        places = await places_of(self.pool, subjects.values())
        return [
            _without_numbers(event) if subjects[event.id].about is About.SCAN else event
            for event in events
            if sees(self.scope, subjects[event.id], places.get(subjects[event.id], ()))
        ]

    async def _progress(self, events: Sequence[LiveEvent]) -> dict[str, dict[str, Any]]:
        """Return how far the scans of these events are now, in one query for all of them."""
        ids = {UUID(event.data["scan_id"]) for event in events if event.type in _OF_SCANS}
        return await scans.progress(self.pool, list(ids), self.scope) if ids else {}

    async def _rung(self, bell: asyncio.Event) -> bool:
        try:
            await asyncio.wait_for(bell.wait(), self.ping_seconds)
        except TimeoutError:
            return False
        return True


def _without_numbers(event: LiveEvent) -> LiveEvent:
    return replace(event, summary=SCAN_ENDED, data={"scan_id": event.data["scan_id"]})


def _frame(event: LiveEvent, progress: Mapping[str, dict[str, Any]]) -> bytes:
    """Return one event in the form of the HTML standard's server-sent events.

    An event of a scan comes with the scan's progress at the moment at which it is sent.
    """
    document = {
        "id": event.id,
        "at": event.at,
        "type": event.type,
        "correlation_id": event.correlation_id,
        "summary": event.summary,
        "data": event.data,
    }
    scan = progress.get(str(event.data.get("scan_id")))
    if scan is not None and event.type in _OF_SCANS:
        document["progress"] = scan
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), to_json(document))
