"""A message as it came, in sections (OASIS AMQP 1.0 part 3 section 3.2).

What the bus does not change stays byte for byte: only the header, the message annotations and, for
a dead letter, the application properties are ever encoded anew. Sections are decoded when asked.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from sandbox.service_bus.codec import Described, Symbol, UByte, UInt, ULong, Value, decode, skip
from sandbox.service_bus.encoder import encode, encode_list
from sandbox.service_bus.errors import DECODE_ERROR, BusError

_HEADER: Final = 0x70
_ANNOTATIONS: Final = 0x72
_PROPERTIES: Final = 0x73
_APPLICATION: Final = 0x74
_DATA: Final = 0x75
_VALUE: Final = 0x77
_FOOTER: Final = 0x78
_PRIORITY: Final = UByte(4)
_SCHEDULED: Final = Symbol("x-opt-scheduled-enqueue-time")
_NO_RAW: Final = b""


class Message:
    """One immutable message.

    Raises `BusError` (amqp:decode-error) for bytes that are no message. Whatever is decoded later
    can raise it too.
    """

    def __init__(self, raw: bytes) -> None:
        self._sections: dict[int, bytes] = {}
        self._bodies: list[bytes] = []
        self.size = len(raw)
        view, at = memoryview(raw), 0
        while at < len(raw):
            end = skip(view, at)
            self._keep(_section_code(view, at), bytes(view[at:end]))
            at = end

    def _keep(self, code: int, raw: bytes) -> None:
        if _DATA <= code <= _VALUE:
            self._bodies.append(raw)
        elif _HEADER <= code <= _FOOTER:
            self._sections[code] = raw
        else:
            raise BusError(DECODE_ERROR, f"A message has no section {code:#x}.")

    def _section(self, code: int, kind: type[Value]) -> Value:
        raw = self._sections.get(code)
        if raw is None:
            return kind()
        value = decode(memoryview(raw))[0].value
        if not isinstance(value, kind):
            raise BusError(DECODE_ERROR, f"The message's section {code:#x} is not what it must be.")
        return value

    @cached_property
    def _header(self) -> list[Value]:
        header: list[Value] = self._section(_HEADER, list)
        return header + [None] * (5 - len(header))

    @cached_property
    def _properties(self) -> list[Value]:
        properties: list[Value] = self._section(_PROPERTIES, list)
        return properties + [None] * (13 - len(properties))

    @cached_property
    def annotations(self) -> dict[Value, Value]:
        found: dict[Value, Value] = self._section(_ANNOTATIONS, dict)
        return found

    @cached_property
    def application_properties(self) -> dict[Value, Value]:
        found: dict[Value, Value] = self._section(_APPLICATION, dict)
        return found

    @property
    def message_id(self) -> Value:
        return self._properties[0]

    def field(self, index: int) -> Value:
        """Return a field of the properties section by its place (part 3, 3.2.4)."""
        return self._properties[index]

    @property
    def seconds_to_live(self) -> float | None:
        milliseconds = self._header[2]
        return None if milliseconds is None else milliseconds / 1000

    @property
    def scheduled(self) -> float | None:
        """Return when it is to be enqueued, in seconds since 1970; None: now."""
        at = self.annotations.get(_SCHEDULED) if _ANNOTATIONS in self._sections else None
        return None if at is None else at / 1000

    @property
    def raw(self) -> bytes:
        """Return all of it, section by section in their order."""
        before = [self._sections[code] for code in sorted(self._sections) if code < _DATA]
        return b"".join([*before, *self._bodies, self._sections.get(_FOOTER, _NO_RAW)])

    @property
    def data(self) -> list[bytes]:
        """Return the data sections: of a batch, one for each message."""
        found = [decode(memoryview(raw))[0] for raw in self._bodies]
        return [body.value for body in found if body.code == _DATA]

    @property
    def value(self) -> Value:
        """Return the body of a request: a map, or a token."""
        found = [decode(memoryview(raw))[0] for raw in self._bodies]
        return found[0].value if found and found[0].code == _VALUE else None

    def encode(self, delivery_count: int, annotations: Mapping[Symbol, Value]) -> bytes:
        """Return it as a receiver gets it.

        The header always says how often it was delivered before; the client reads nothing else.
        """
        durable, priority, ttl, *_ = self._header if _HEADER in self._sections else _NO_HEADER
        header = [bool(durable), priority or _PRIORITY, ttl, False, UInt(delivery_count)]
        marks = {**self.annotations, **annotations}
        sections = (
            b"\x00\x53\x70" + encode_list(header),
            b"\x00\x53\x72" + encode(marks) if marks else _NO_RAW,
            self._sections.get(_PROPERTIES, _NO_RAW),
            self._sections.get(_APPLICATION, _NO_RAW),
            *self._bodies,
            self._sections.get(_FOOTER, _NO_RAW),
        )
        return b"".join(sections)

    def with_properties(self, more: Mapping[str, Value]) -> "Message":
        """Return the same message with these application properties added or replaced."""
        changed = Message(b"")
        changed._sections = dict(self._sections)
        changed._bodies = self._bodies
        properties = {**self.application_properties, **more}
        raw = encode(Described(ULong(_APPLICATION), properties))
        changed._sections[_APPLICATION] = raw
        changed.size = self.size + len(raw) - len(self._sections.get(_APPLICATION, _NO_RAW))
        return changed


_NO_HEADER: Final[list[Value]] = [None] * 5


def _section_code(view: memoryview, at: int) -> int:
    if view[at] != 0:
        raise BusError(DECODE_ERROR, "A message is made of described sections.")
    code, _ = decode(view, at + 1)
    return int(code) if isinstance(code, ULong) else 0


def response(correlation_id: Value, properties: Mapping[str, Value], body: Value = None) -> bytes:
    """Return the answer to a request on a `$cbs` or `$management` link."""
    return b"".join(
        (
            encode(Described(ULong(_PROPERTIES), [None] * 5 + [correlation_id])),
            encode(Described(ULong(_APPLICATION), dict(properties))),
            encode(Described(ULong(_VALUE), body)),
        )
    )
