"""Promises of `shared.crypto`: what is stored is read here only, and only in its place."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import (
    ITERATIONS,
    PREFIX,
    DataKey,
    DataKeys,
    DecryptionError,
    Derivation,
    UnknownKeyError,
    WrappingKey,
)

QUICK = Derivation(b"0123456789abcdef", iterations=10)
SECRET = "a-key-of-more-than-thirty-two-bytes-for-tests"


@given(text=st.binary(max_size=200), place=st.text(max_size=50))
def test_a_text_comes_back_from_its_own_place(text: bytes, place: str) -> None:
    key = DataKey.fresh()

    stored = key.encrypt(text, place=place)

    assert stored.startswith(PREFIX)
    assert key.decrypt(stored, place=place) == text


def test_a_text_moved_to_another_row_is_refused() -> None:
    key = DataKey.fresh()
    stored = key.encrypt(b"token", place="syncer.target/1")

    with pytest.raises(DecryptionError, match="made for another place"):
        key.decrypt(stored, place="syncer.target/2")


@pytest.mark.parametrize("position", [5, 20, 60, -2])
def test_a_changed_text_is_refused(position: int) -> None:
    key = DataKey.fresh()
    stored = list(key.encrypt(b"token", place="here"))
    stored[position] = "A" if stored[position] != "A" else "B"

    with pytest.raises(DecryptionError):
        key.decrypt("".join(stored), place="here")


def test_a_text_of_another_scheme_is_refused_with_a_sentence() -> None:
    with pytest.raises(DecryptionError, match="newer release"):
        DataKey.fresh().decrypt("cc2:abc", place="here")


def test_another_key_reads_nothing() -> None:
    stored = DataKey.fresh().encrypt(b"token", place="here")

    with pytest.raises(DecryptionError, match="another key"):
        DataKey.fresh().decrypt(stored, place="here")


def test_a_data_key_is_unwrapped_by_the_same_secret_key_and_salt_only() -> None:
    key = DataKey.fresh()
    wrapped = WrappingKey(SECRET, QUICK).wrap(key, purpose="data")
    again = WrappingKey(SECRET, QUICK).unwrap(wrapped, purpose="data")

    assert again.decrypt(key.encrypt(b"text", place="here"), place="here") == b"text"
    others = (
        WrappingKey(SECRET + "x", QUICK),
        WrappingKey(SECRET, Derivation(b"fedcba9876543210", 10)),
    )
    for other in others:
        with pytest.raises(DecryptionError):
            other.unwrap(wrapped, purpose="data")


def test_a_key_wrapped_for_one_purpose_does_not_serve_another() -> None:
    wrapping = WrappingKey(SECRET, QUICK)

    with pytest.raises(DecryptionError):
        wrapping.unwrap(wrapping.wrap(DataKey.fresh(), purpose="audit"), purpose="session")


def test_a_new_derivation_has_its_own_salt_and_the_documented_rounds() -> None:
    first, second = Derivation.fresh(), Derivation.fresh()

    assert first.salt != second.salt
    assert first.iterations == ITERATIONS == 600_000


def test_fingerprints_are_equal_under_one_key_and_differ_under_another() -> None:
    key = DataKey.fresh()

    assert key.fingerprint("anna") == key.fingerprint("anna")
    assert key.fingerprint("anna") != key.fingerprint("hanna")
    assert key.fingerprint("anna") != DataKey.fresh().fingerprint("anna")


def test_keys_neither_print_nor_travel() -> None:
    for key in (DataKey(b"s" * 32), WrappingKey(SECRET, QUICK), DataKeys({1: DataKey.fresh()})):
        assert "(…)" in repr(key)
        with pytest.raises(TypeError, match="never serialised"):
            pickle.dumps(key)


def test_the_newest_key_encrypts_and_every_version_decrypts() -> None:
    first, second = DataKey.fresh(), DataKey.fresh()
    before = DataKeys({1: first})
    after = before.with_others({2: second})
    old, new = (keys.encrypt(b"text", place="here") for keys in (before, after))

    assert (old[:4], new[:6]) == ("cc1:", "cc1:2:")
    assert [after.decrypt(stored, place="here") for stored in (old, new)] == [b"text", b"text"]
    with pytest.raises(UnknownKeyError, match="made with key 2"):
        before.decrypt(new, place="here")
    with pytest.raises(DecryptionError, match="another place"):
        after.decrypt(new, place="there")


@pytest.mark.parametrize("stored", ["cc2:abc", "cc1:x:abc", "cc1::abc", "cc1:²:abc"])
def test_a_text_without_a_version_is_left_to_the_first_key(stored: str) -> None:
    with pytest.raises(DecryptionError):
        DataKeys({1: DataKey.fresh()}).decrypt(stored, place="here")
