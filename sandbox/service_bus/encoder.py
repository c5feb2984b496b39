"""AMQP 1.0 types to bytes (OASIS AMQP 1.0 part 1, "Types"); the other half of `codec.py`."""

import struct
import uuid
from collections.abc import Callable, Iterable
from typing import Final

from sandbox.service_bus.codec import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Value,
)

_SMALL: Final = 256


def encode(value: Value) -> bytes:
    """Return a value's encoding. Raises `TypeError` for what AMQP has no type for."""
    if value is None:
        return b"\x40"
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def _packed(code: int, layout: str) -> Callable[[Value], bytes]:
    packer = struct.Struct(">B" + layout)
    return lambda value: packer.pack(code, value)


def _unsigned(zero: bytes, small: bytes, code: int, layout: str) -> Callable[[Value], bytes]:
    wide = _packed(code, layout)

    def encode_it(value: Value) -> bytes:
        if value == 0:
            return zero
        return small + bytes((value,)) if value < _SMALL else wide(value)

    return encode_it


def _variable(small: bytes, large: bytes, raw: bytes) -> bytes:
    if len(raw) < _SMALL:
        return small + bytes((len(raw),)) + raw
    return large + struct.pack(">I", len(raw)) + raw


def _compound(code: int, count: int, body: bytes) -> bytes:
    return struct.pack(">BII", code, len(body) + 4, count) + body


def encode_list(values: Iterable[Value]) -> bytes:
    parts = [encode(value) for value in values]
    return _compound(0xD0, len(parts), b"".join(parts)) if parts else b"\x45"


def _map(value: dict[Value, Value]) -> bytes:
    parts = [encode(part) for pair in value.items() for part in pair]
    return _compound(0xD1, len(parts), b"".join(parts))


def _described(value: Described) -> bytes:
    return b"\x00" + encode(value.code) + encode(value.value)


# In an array every element has the same encoding, and so the widest.
_ELEMENTS: Final[dict[type, tuple[int, Callable[[Value], bytes]]]] = {
    bool: (0x56, lambda value: bytes((value,))),
    int: (0x81, struct.Struct(">q").pack),
    Int: (0x71, struct.Struct(">i").pack),
    UInt: (0x70, struct.Struct(">I").pack),
    ULong: (0x80, struct.Struct(">Q").pack),
    UByte: (0x50, struct.Struct(">B").pack),
    UShort: (0x60, struct.Struct(">H").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    float: (0x82, struct.Struct(">d").pack),
    uuid.UUID: (0x98, lambda value: value.bytes),
    bytes: (0xB0, lambda value: struct.pack(">I", len(value)) + value),
    str: (0xB1, lambda value: struct.pack(">I", len(value.encode())) + value.encode()),
    Symbol: (0xB3, lambda value: struct.pack(">I", len(value)) + value.encode("ascii")),
}


def _array(values: Array) -> bytes:
    """Return an array's encoding; an empty one is of longs, for it must be of something."""
    kind = type(values[0]) if values else int
    if kind not in _ELEMENTS or any(type(value) is not kind for value in values):
        raise TypeError("an array holds values of one simple type")
    code, pack = _ELEMENTS[kind]
    return _compound(0xF0, len(values), bytes((code,)) + b"".join(map(pack, values)))


_ENCODERS: Final[dict[type, Callable[[Value], bytes]]] = {
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: _packed(0x50, "B"),
    UShort: _packed(0x60, "H"),
    UInt: _unsigned(b"\x43", b"\x52", 0x70, "I"),
    ULong: _unsigned(b"\x44", b"\x53", 0x80, "Q"),
    Byte: _packed(0x51, "b"),
    Short: _packed(0x61, "h"),
    Int: _packed(0x71, "i"),
    int: _packed(0x81, "q"),
    Float: _packed(0x72, "f"),
    float: _packed(0x82, "d"),
    Char: lambda value: struct.pack(">BI", 0x73, ord(value)),
    Timestamp: _packed(0x83, "q"),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _variable(b"\xa0", b"\xb0", value),
    str: lambda value: _variable(b"\xa1", b"\xb1", value.encode()),
    Symbol: lambda value: _variable(b"\xa3", b"\xb3", value.encode("ascii")),
    list: encode_list,
    dict: _map,
    Array: _array,
    Described: _described,
    Decimal: lambda value: bytes((value.code,)) + value.raw,
}
