"""The search for canaries: whatever is written of one, in whatever form and wherever, is found."""

import base64
import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary.forms import PIECE_CHARACTERS, WRITTEN, canary, word_canary
from tests.support.canary.search import Leak, Search

NAMES = tuple(f"input {number}" for number in range(20))
SEARCH = Search({name: canary(name) for name in NAMES})
anything = st.binary(max_size=300)


def inputs(data: bytes) -> set[str]:
    return {leak.input for leak in SEARCH.leaks("here", data)}


@given(st.sampled_from(NAMES), st.sampled_from(list(WRITTEN)), anything, anything)
def test_a_value_is_found_in_each_form_within_anything(
    name: str, form: str, before: bytes, after: bytes
) -> None:
    assert inputs(before + WRITTEN[form](canary(name)) + after) == {name}


@given(
    st.sampled_from(NAMES),
    st.sampled_from(list(WRITTEN)),
    st.integers(0, 45 - 17),
    anything,
)
def test_a_piece_is_found_in_each_form(name: str, form: str, at: int, before: bytes) -> None:
    piece = canary(name)[at : at + 17]

    assert inputs(before + WRITTEN[form](piece)) == {name}


@pytest.mark.parametrize("half", [slice(None, 22), slice(22, None)])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(name=st.sampled_from(NAMES), before=anything, after=anything)
def test_a_half_is_found_in_base64_whatever_stands_around_it(
    half: slice, encode: Callable[[bytes], bytes], name: str, before: bytes, after: bytes
) -> None:
    assert inputs(encode(before + canary(name)[half].encode() + after)) == {name}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@given(name=st.sampled_from(NAMES), before=anything)
def test_base64_of_utf_16_is_found(encoding: str, name: str, before: bytes) -> None:
    assert inputs(base64.b64encode(before + canary(name).encode(encoding))) == {name}


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_is_packed_is_looked_into(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"x" * 100 + canary("input 3").encode() + b"y" * 100)

    assert inputs(b"before \x78\x9c it" + packed + b"after") == {"input 3"}


@given(st.binary(max_size=2000))
def test_nothing_is_found_where_nothing_is(data: bytes) -> None:
    assert SEARCH.leaks("here", data) == []


def test_a_few_signs_are_no_leak_however_long_they_are_written() -> None:
    few = canary("input 1")[: PIECE_CHARACTERS // 3]

    assert not inputs(b" ".join(write(few) for write in WRITTEN.values()))


def test_a_leak_names_place_input_and_form() -> None:
    leaks = SEARCH.leaks("the log", b"at " + canary("input 7").encode().hex().encode())

    assert leaks == [Leak("the log", "input 7", "hex")]


def test_a_value_that_could_be_there_by_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        Search({"a code": "123456"})


def test_every_canary_is_its_own() -> None:
    values = [*(canary(name) for name in NAMES), *(word_canary(name) for name in NAMES)]

    assert len(set(values)) == len(values)
