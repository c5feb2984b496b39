"""A session: links on one channel, and what is not settled yet (AMQP 1.0 part 2 section 2.5)."""

from typing import TYPE_CHECKING, Final
from uuid import UUID

from sandbox.service_bus import outcomes
from sandbox.service_bus.codec import Described, UInt, Value
from sandbox.service_bus.entities.queue import Queue
from sandbox.service_bus.errors import HANDLE_IN_USE, UNATTACHED_HANDLE, BusError
from sandbox.service_bus.frames import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from sandbox.service_bus.links import IncomingLink, Link, OutgoingLink, max_message_size
from sandbox.service_bus.settling import settle

if TYPE_CHECKING:
    from sandbox.service_bus.connection import Connection

_WINDOW: Final = UInt(65_536)
# A transfer without its message: fewer bytes than that, and a frame may be as small as 512.
_FRAME_OVERHEAD: Final = 128


class Session:
    """One client's session. `replies` are its receivers of answers, by the node that answers."""

    def __init__(self, connection: "Connection", channel: int, begin: Begin) -> None:
        self.connection = connection
        self.unsettled: dict[int, tuple[Queue, UUID]] = {}
        self.replies: dict[str, OutgoingLink] = {}
        self._channel = channel
        self._links: dict[int, Link] = {}
        self._next_in = begin.next_outgoing_id or 0
        self._next_out = 1
        self._next_delivery = 1
        self.send(Begin(UInt(channel), UInt(1), _WINDOW, _WINDOW, UInt(255)))

    def handle(self, performative: Performative, payload: bytes) -> None:
        """Do what a frame asks for. Raises `BusError` for one that ends the connection."""
        match performative:
            case Transfer():
                self._next_in += 1
                self._incoming(performative.handle).transfer(performative, payload)
            case Disposition():
                self._settle(performative)
            case Flow():
                self._flow(performative)
            case Attach():
                self._attach(performative)
            case Detach():
                self._detach(performative)
            case _:
                raise BusError(UNATTACHED_HANDLE, "This frame does not belong to a session.")

    def close(self) -> None:
        """Let go of everything that is attached."""
        for link in list(self._links.values()):
            link.close()
        self._links.clear()

    def forget(self, link: Link) -> None:
        self._links.pop(link.handle, None)

    # Out

    def send(self, performative: Performative, payload: bytes = b"") -> None:
        self.connection.send(self._channel, performative, payload)

    def send_message(self, transfer: Transfer, raw: bytes) -> int:
        """Send a message in as many frames as it needs and return its delivery's number."""
        number = self._next_delivery
        self._next_delivery += 1
        room = self.connection.max_frame - _FRAME_OVERHEAD
        part, rest = raw[:room], raw[room:]
        self._send_part(transfer._replace(delivery_id=UInt(number), more=bool(rest)), part)
        while rest:
            part, rest = rest[:room], rest[room:]
            self._send_part(Transfer(transfer.handle, more=bool(rest)), part)
        return number

    def _send_part(self, transfer: Transfer, part: bytes) -> None:
        self._next_out += 1
        self.send(transfer, part)

    def send_flow(self, link: Link, credit: int, *, drain: bool = False) -> None:
        self.send(
            Flow(
                UInt(self._next_in),
                _WINDOW,
                UInt(self._next_out),
                _WINDOW,
                link.handle,
                UInt(link.delivery_count),
                UInt(credit),
                drain=drain or None,
            )
        )

    def settle(self, delivery: Value, outcome: Described, *, receiver: bool) -> None:
        """Say what became of a delivery; `receiver` is our role."""
        self.send(Disposition(receiver, UInt(delivery), UInt(delivery), True, outcome))

    # In

    def _incoming(self, handle: Value) -> IncomingLink:
        link = self._links.get(handle)
        if not isinstance(link, IncomingLink):
            raise BusError(UNATTACHED_HANDLE, f"No sender is attached with the handle {handle}.")
        return link

    def _flow(self, flow: Flow) -> None:
        # The client may still speak of a link that we have detached: that is no error.
        link = self._links.get(flow.handle)
        if isinstance(link, OutgoingLink):
            link.flow(flow)

    def _attach(self, attach: Attach) -> None:
        if attach.handle in self._links:
            raise BusError(HANDLE_IN_USE, f"The handle {attach.handle} is in use.")
        try:
            link = self.connection.attach(self, attach)
        except BusError as error:
            self.send(_answer(attach, refused=True))
            Link(self, attach, None).detach(error)
            return
        self._links[attach.handle] = link
        self.send(_answer(attach))
        if isinstance(link, IncomingLink):
            link.give_credit()

    def _detach(self, detach: Detach) -> None:
        link = self._links.pop(detach.handle, None)
        if link is not None:
            link.close()
            self.send(Detach(link.handle, True))

    def _settle(self, disposition: Disposition) -> None:
        """Settle deliveries as the client says, each by itself."""
        if not disposition.role or disposition.state is None:
            return
        last = disposition.first if disposition.last is None else disposition.last
        for delivery in self._unsettled_between(disposition.first, last):
            queue, token = self.unsettled.pop(delivery)
            outcome = self._apply(queue, token, disposition.state)
            if outcome is not None and not disposition.settled:
                self.settle(delivery, outcome, receiver=False)

    def _unsettled_between(self, first: int, last: int) -> list[int]:
        if last == first:
            return [first] if first in self.unsettled else []
        # What the client claims may be any range: walk what there is, not what is claimed.
        return [each for each in self.unsettled if first <= each <= last]

    def _apply(self, queue: Queue, token: UUID, state: Described) -> Described | None:
        faults, abort = self.connection.namespace.faults, self.connection.abort
        try:
            answered = faults.through(
                "settle", queue.path, abort, lambda: settle(queue, token, state)
            )
        except BusError as error:
            return outcomes.rejected(error)
        if not answered:
            return None
        return outcomes.rejected() if state.code == outcomes.REJECTED else state


def _answer(attach: Attach, *, refused: bool = False) -> Attach:
    """Return the bus's half of an attach; a refused one has no terminus of ours (2.6.3)."""
    return Attach(
        attach.name,
        UInt(attach.handle),
        not attach.role,
        attach.snd_settle_mode,
        attach.rcv_settle_mode,
        None if refused and attach.role else attach.source,
        None if refused and not attach.role else attach.target,
        initial_delivery_count=UInt(0) if attach.role else None,
        max_message_size=max_message_size(),
    )
