"""Which SECRET_KEYs are refused: what is short, known, or can be guessed."""

import hashlib
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SettingsError
from shared.secret_key import LEAST_SURPRISES, surprises, weakness
from shared.settings import ServiceSettings, load_settings

HEX = "0123456789abcdef"
BASE64 = string.ascii_letters + string.digits + "-_"


@pytest.mark.parametrize(
    "key",
    [
        "changeme" * 8,
        "Change-Me-Change-Me-4f1c9be07d2a6853",
        "please_change_this_0c7e1b94a5d8f263aa",
        "your-256-bit-secret-4f1c9be07d2a6853e0b1",
        "django-insecure-4f1c9be07d2a6853e0b1c7d9",
        "P-a-s-s-w-o-r-d-4f1c9be07d2a6853e0b1c7d9",
        "<replace me: at least 32 bytes, 4f1c9be0>",
        "output of: openssl rand -hex 32 4f1c9be0",
        "certifyclouds-4f1c9be07d2a6853e0b1c7d9a2",
        "deadbeef4f1c9be07d2a6853e0b1c7d9a2f35846",
        "qwertyuiopasdfghjklzxcvbnm4f1c9be07d2a68",
        *(hashlib.sha256(word).hexdigest() for word in (b"password", b"secret", b"test", b"")),
        hashlib.md5(b"password", usedforsecurity=False).hexdigest(),
    ],
)
def test_what_manuals_show_is_refused(key: str) -> None:
    assert weakness(key) == "it is a sample value that others know"


@pytest.mark.parametrize(
    "key",
    [
        "a" * 64,
        HEX * 2,
        HEX[::-1] * 4,
        "0123456789" * 4,
        "abcdefghijklmnopqrstuvwxyz012345",
        "abc123" * 8,
        "k1" * 20,
        "hunter2" * 5,
        "correct horse " * 3,
        "00000000-0000-0000-0000-000000000000",
        "aabbccddeeffgghhiijjkkllmmnnooppqq",
        "........................................",
        "äöü" * 12,
    ],
)
def test_what_can_be_guessed_is_refused(key: str) -> None:
    assert weakness(key) == "it is a pattern that can be guessed"


def test_few_different_characters_are_refused_however_they_are_mixed() -> None:
    mixed = "acegikacgeikcakgieaegkicgaekicgkea"

    assert surprises(mixed) >= LEAST_SURPRISES
    assert weakness(mixed) == "it is a pattern that can be guessed"


@pytest.mark.parametrize(("key", "short"), [("ä8" * 10, True), (HEX[:5] * 6 + "7", True)])
def test_length_is_counted_in_bytes(key: str, short: bool) -> None:
    assert (weakness(key) == "it has fewer than 32 bytes") is short
    assert weakness("ä" * 16) != "it has fewer than 32 bytes"


@pytest.mark.parametrize(("alphabet", "length"), [(HEX, 32), (HEX, 64), (BASE64, 32), (BASE64, 43)])
def test_a_random_key_is_accepted(alphabet: str, length: int) -> None:
    keys = ("".join(secrets.choice(alphabet) for _ in range(length)) for _ in range(2000))

    assert [key for key in keys if weakness(key)] == []


@given(st.text(min_size=1, max_size=16), st.integers(min_value=32, max_value=60))
def test_no_short_text_becomes_a_key_by_being_repeated(unit: str, length: int) -> None:
    assert weakness((unit * length)[:length])


def test_surprises_are_what_does_not_follow() -> None:
    assert [surprises(text) for text in ("", "aaaa", "abcd", "x1x1x1x1", "k3v9q0zt")] == [
        *(0, 0, 0, 3, 7)
    ]


def test_the_refusal_says_how_to_make_a_key_and_never_repeats_it() -> None:
    key = "hunter2" * 5
    with pytest.raises(SettingsError, match="openssl rand -hex 32") as refused:
        load_settings(ServiceSettings, database_url="postgresql://a:b@c/d", secret_key=key)

    assert "hunter2" not in str(refused.value)
