"""Signed checkpoints and their file."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.audit import Checkpoint, read_file, to_file
from shared.errors import PermanentError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def checkpoint(key: Ed25519PrivateKey) -> Checkpoint:
    return Checkpoint.sign(key, position=5, hash_=bytes(32), at=AT)


def test_it_is_signed_by_its_key_and_by_no_other(
    checkpoint: Checkpoint, key: Ed25519PrivateKey
) -> None:
    assert checkpoint.is_signed_by(key.public_key())
    assert not checkpoint.is_signed_by(Ed25519PrivateKey.generate().public_key())


def test_no_part_of_it_can_be_changed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> None:
    for changed in (
        replace(checkpoint, position=6),
        replace(checkpoint, hash=bytes(31) + b"\x01"),
        replace(checkpoint, at=AT + timedelta(seconds=1)),
        replace(checkpoint, signature=bytes(64)),
    ):
        assert not changed.is_signed_by(key.public_key())


def test_the_moment_counts_however_its_time_zone_is_written(
    checkpoint: Checkpoint, key: Ed25519PrivateKey
) -> None:
    moved = replace(checkpoint, at=AT.astimezone(timezone(timedelta(hours=2))))

    assert moved.is_signed_by(key.public_key())


def test_the_file_grows_by_a_line_for_each_and_reads_back(
    checkpoint: Checkpoint, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    second = Checkpoint.sign(key, position=9, hash_=bytes(32), at=AT)
    file = tmp_path / "below" / "checkpoints.jsonl"
    export = to_file(file)

    export(checkpoint)
    export(second)

    assert read_file(file) == [checkpoint, second]


@pytest.mark.parametrize("line", ["hello", "{}", '{"position": 1}', "[]", "null"])
def test_anything_else_in_the_file_is_a_sentence(line: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.jsonl"
    file.write_text(line + "\n")

    with pytest.raises(PermanentError, match="not an audit checkpoint"):
        read_file(file)
