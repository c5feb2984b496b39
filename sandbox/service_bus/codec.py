"""AMQP 1.0 types to bytes and back (OASIS AMQP 1.0 part 1, "Types").

Python's own types stand for long, double, string, binary, boolean, list, map and uuid; every other
AMQP type has a class here, so that what was decoded is encoded as the same type again.
"""

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sandbox.service_bus.errors import DECODE_ERROR, BusError

# Whatever AMQP can carry.
Value: TypeAlias = Any
_Decode: TypeAlias = Callable[[memoryview, int], tuple[Value, int]]

_DEEPEST: Final = 32


class UByte(int):
    """An unsigned integer of 8 bits."""


class UShort(int):
    """An unsigned integer of 16 bits."""


class UInt(int):
    """An unsigned integer of 32 bits."""


class ULong(int):
    """An unsigned integer of 64 bits."""


class Byte(int):
    """A signed integer of 8 bits."""


class Short(int):
    """A signed integer of 16 bits."""


class Int(int):
    """A signed integer of 32 bits; a plain `int` is a long."""


class Timestamp(int):
    """Milliseconds since 1970."""


class Float(float):
    """A float of 32 bits; a plain `float` is a double."""


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class Symbol(str):
    """A word of a constrained domain, in ASCII."""

    __slots__ = ()


class Array(list[Value]):
    """Values that are all of one type."""


@dataclass(frozen=True, slots=True)
class Described:
    """A value with its descriptor: a performative, a section of a message, an outcome."""

    code: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal32, decimal64 or decimal128, whose bytes are kept and never read."""

    code: int
    raw: bytes


def decode(view: memoryview, at: int = 0, depth: int = 0) -> tuple[Value, int]:
    """Return the value that begins at a position, and where it ends.

    Raises `BusError` (amqp:decode-error) for bytes that are no AMQP value.
    """
    try:
        code = view[at]
        if code == 0:
            if depth > _DEEPEST:
                raise _bad("is nested too deep")
            descriptor, at = decode(view, at + 1, depth + 1)
            value, at = decode(view, at, depth + 1)
            return Described(descriptor, value), at
        if code >= _COMPOUND:
            return _compound(code, view, at + 1, depth + 1)
        return _DECODERS[code](view, at + 1)
    except KeyError:
        raise _bad(f"has the unknown constructor {view[at]:#04x}") from None
    except (IndexError, struct.error):
        raise _bad("ends too early") from None
    except (ValueError, TypeError, OverflowError):
        raise _bad("is not what its constructor says") from None


def skip(view: memoryview, at: int) -> int:
    """Return where the value that begins at a position ends, without decoding it."""
    try:
        code = view[at]
        if code == 0:
            return skip(view, skip(view, at + 1))
        kind = code >> 4
        if kind in _FIXED:
            end = at + 1 + _FIXED[kind]
        elif kind in _NARROW:
            end = at + 2 + view[at + 1]
        else:
            end = at + 5 + int.from_bytes(_exactly(view, at + 1, 4), "big")
    except (IndexError, KeyError, RecursionError):
        raise _bad("ends too early") from None
    if end > len(view):
        raise _bad("ends too early")
    return end


_FIXED: Final = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_NARROW: Final = frozenset({0xA, 0xC, 0xE})
_COMPOUND: Final = 0xC0
_ARRAYS: Final = 0xE0


def _bad(what: str) -> BusError:
    return BusError(DECODE_ERROR, f"A value {what}.")


def _exactly(view: memoryview, at: int, size: int) -> memoryview:
    found = view[at : at + size]
    if len(found) != size:
        raise _bad("ends too early")
    return found


def _constant(value: Value) -> _Decode:
    return lambda _view, at: (value, at)


def _number(layout: str, make: Callable[[Value], Value] | None = None) -> _Decode:
    parser = struct.Struct(layout)
    size, unpack = parser.size, parser.unpack_from
    if make is None:
        return lambda view, at: (unpack(view, at)[0], at + size)
    return lambda view, at: (make(unpack(view, at)[0]), at + size)


def _variable(width: int, make: Callable[[bytes], Value]) -> _Decode:
    def narrow(view: memoryview, at: int) -> tuple[Value, int]:
        start = at + 1
        end = start + view[at]
        return make(bytes(_exactly(view, start, end - start))), end

    def wide(view: memoryview, at: int) -> tuple[Value, int]:
        start = at + 4
        end = start + int.from_bytes(_exactly(view, at, 4), "big")
        return make(bytes(_exactly(view, start, end - start))), end

    return narrow if width == 1 else wide


def _opaque(code: int, size: int) -> _Decode:
    return lambda view, at: (Decimal(code, bytes(_exactly(view, at, size))), at + size)


def _uuid(view: memoryview, at: int) -> tuple[Value, int]:
    return uuid.UUID(bytes=bytes(_exactly(view, at, 16))), at + 16


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw.decode("ascii"))


_DECODERS: Final[dict[int, _Decode]] = {
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x45: lambda _view, at: ([], at),
    0x50: _number(">B", UByte),
    0x51: _number(">b", Byte),
    0x52: _number(">B", UInt),
    0x53: _number(">B", ULong),
    0x54: _number(">b", Int),
    0x55: _number(">b"),
    0x56: _number(">B", bool),
    0x60: _number(">H", UShort),
    0x61: _number(">h", Short),
    0x70: _number(">I", UInt),
    0x71: _number(">i", Int),
    0x72: _number(">f", Float),
    0x73: _number(">I", lambda code: Char(chr(code))),
    0x74: _opaque(0x74, 4),
    0x80: _number(">Q", ULong),
    0x81: _number(">q"),
    0x82: _number(">d"),
    0x83: _number(">q", Timestamp),
    0x84: _opaque(0x84, 8),
    0x94: _opaque(0x94, 16),
    0x98: _uuid,
    0xA0: _variable(1, bytes),
    0xA1: _variable(1, bytes.decode),
    0xA3: _variable(1, _symbol),
    0xB0: _variable(4, bytes),
    0xB1: _variable(4, bytes.decode),
    0xB3: _variable(4, _symbol),
}


def _compound(code: int, view: memoryview, at: int, depth: int) -> tuple[Value, int]:
    """Decode a list, a map or an array; its size and its count come first."""
    if depth > _DEEPEST:
        raise _bad("is nested too deep")
    width = 1 if code >> 4 in _NARROW else 4
    size = int.from_bytes(_exactly(view, at, width), "big")
    end = at + width + size
    count = int.from_bytes(_exactly(view, at + width, width), "big")
    inside = view[:end]
    if len(inside) < end or count > max(size, 1):
        raise _bad("claims more than there is")
    values, reached = _read_all(code, inside, at + 2 * width, count, depth)
    if reached != end:
        raise _bad("is not as long as it says")
    if code & 0xF == 1 and code < _ARRAYS:
        return dict(zip(values[::2], values[1::2], strict=True)), end
    return values, end


def _read_all(
    code: int, view: memoryview, at: int, count: int, depth: int
) -> tuple[list[Value], int]:
    if code in (0xE0, 0xF0):
        return _elements(view, at, count, depth)
    if code not in (0xC0, 0xC1, 0xD0, 0xD1):
        raise _bad(f"has the unknown constructor {code:#04x}")
    values: list[Value] = []
    for _ in range(count):
        value, at = decode(view, at, depth)
        values.append(value)
    return values, at


def _elements(view: memoryview, at: int, count: int, depth: int) -> tuple[Array, int]:
    """Decode an array's elements, which share one constructor."""
    code = view[at]
    if code == 0:
        descriptor, at = decode(view, at + 1, depth)
        values, at = _elements(view, at, count, depth)
        return Array(Described(descriptor, value) for value in values), at
    at += 1
    found = Array()
    for _ in range(count):
        if code >= _COMPOUND:
            value, at = _compound(code, view, at, depth + 1)
        else:
            value, at = _DECODERS[code](view, at)
        found.append(value)
    return found, at
