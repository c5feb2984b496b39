"""AMQP's types, byte for byte."""

import contextlib
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    decode,
    skip,
)
from sandbox.service_bus.encoder import encode
from sandbox.service_bus.errors import BusError
from sandbox.service_bus.frames import Frame, FrameReader, read_performative
from sandbox.service_bus.message import Message

_LONG = st.integers(-(2**63), 2**63 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
_ASCII = st.text(st.characters(max_codepoint=127), max_size=300)
_ULONG = st.integers(0, 2**64 - 1).map(ULong)
_SYMBOL = _ASCII.map(Symbol)
_UUID = st.binary(min_size=16, max_size=16).map(lambda raw: uuid.UUID(bytes=raw))
_KEYS = st.one_of(_TEXT, _SYMBOL, _LONG, _ULONG)
_SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    _LONG,
    _ULONG,
    _TEXT,
    _SYMBOL,
    _UUID,
    st.binary(max_size=300),
    st.integers(0, 255).map(UByte),
    st.integers(0, 2**16 - 1).map(UShort),
    st.integers(0, 2**32 - 1).map(UInt),
    st.integers(-128, 127).map(Byte),
    st.integers(-(2**15), 2**15 - 1).map(Short),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    _LONG.map(Timestamp),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32).map(Float),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.binary(min_size=4, max_size=4).map(lambda raw: Decimal(0x74, raw)),
    st.binary(min_size=16, max_size=16).map(lambda raw: Decimal(0x94, raw)),
)
_ARRAYS = st.one_of(
    st.lists(each).map(Array) for each in (st.booleans(), _LONG, _TEXT, _SYMBOL, _UUID, _ULONG)
)
VALUES = st.recursive(
    st.one_of(_SIMPLE, _ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(_KEYS, inner, max_size=5),
        st.builds(Described, st.one_of(_ULONG, _SYMBOL), inner),
    ),
    max_leaves=12,
)


def typed(value: object) -> object:
    """Return a value with the types of all its parts: 5 equals UInt(5), this does not."""
    if isinstance(value, Described):
        return ("described", typed(value.code), typed(value.value))
    if isinstance(value, dict):
        return ("map", [(typed(key), typed(each)) for key, each in value.items()])
    if isinstance(value, list):
        return (type(value), [typed(each) for each in value])
    return (type(value), value)


@given(VALUES)
def test_what_is_encoded_decodes_to_the_same_value_of_the_same_type(value: object) -> None:
    raw = encode(value)
    found, end = decode(memoryview(raw))
    assert end == len(raw)
    assert typed(found) == typed(value)


@given(VALUES)
def test_a_value_can_be_skipped_without_reading_it(value: object) -> None:
    raw = encode(value)
    assert skip(memoryview(raw), 0) == len(raw)


@given(VALUES, st.data())
def test_a_value_that_is_cut_off_is_refused(value: object, data: st.DataObject) -> None:
    raw = encode(value)
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(BusError):
        decode(memoryview(raw[:cut]))


@given(st.binary(max_size=200))
def test_garbage_is_a_value_or_a_refusal_and_never_another_error(raw: bytes) -> None:
    for read in (
        lambda: decode(memoryview(raw)),
        lambda: read_performative(memoryview(raw)),
        lambda: list(FrameReader().feed(raw)),
        lambda: Message(raw).application_properties,
    ):
        with contextlib.suppress(BusError):
            read()


def test_a_value_nested_too_deep_is_refused() -> None:
    value: object = None
    for _ in range(40):
        value = [value]
    with pytest.raises(BusError, match="too deep"):
        decode(memoryview(encode(value)))


def test_a_list_that_claims_millions_of_values_is_refused_at_once() -> None:
    with pytest.raises(BusError):
        decode(memoryview(b"\xd0\x00\x00\x00\x05\xff\xff\xff\xff\x40"))


def test_not_a_number_survives() -> None:
    found, _ = decode(memoryview(encode(math.nan)))
    assert math.isnan(found)


@given(st.lists(st.integers(1, 9)))
def test_frames_are_found_however_their_bytes_arrive(sizes: list[int]) -> None:
    raw = b"AMQP\x00\x01\x00\x00" + bytes.fromhex("0000000802000000") * 3
    reader, found, at = FrameReader(), [], 0
    for size in [*sizes, len(raw)]:
        found += list(reader.feed(raw[at : at + size]))
        at += size
    assert found == [raw[:8], *[Frame(0, 0, None, b"")] * 3]
