"""Ten thousand ways of changing a chain of ten thousand: each is found."""

import random
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.audit import Checkpoint, to_line, verify_export
from shared.audit.chain import GENESIS, Entry, Seal, link
from shared.audit.verify import BrokenError, Verifier, verifier
from shared.errors import PermanentError

LENGTH: Final = 10_000
MUTATIONS: Final = 10_000
STEP: Final = 50
KEY: Final = Ed25519PrivateKey.generate()
BEGIN: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
Line = tuple[Seal, Entry]


def an_entry(number: int, dice: random.Random) -> Entry:
    return Entry(
        xid=1000 + number,
        id=number,
        at=BEGIN + timedelta(milliseconds=20 * number),
        service=dice.choice(("gateway", "scanner", "alerting")),
        action=dice.choice(("session:opened", "scan:requested", "alert:raised")),
        actor=f"user-{dice.randrange(50)}",
        subject=f"subject-{dice.randrange(10_000)}",
        outcome=dice.choice(("done", "refused", "failed")),
        correlation_id=None,
        address=dice.choice((None, "203.0.113.7")),
        scope=dice.choice((None, "full")),
        reason=dice.choice((None, "it was “asked” for, über alles")),
        amount=dice.choice((None, dice.randrange(100))),
        before=None,
        after=dice.choice((None, "role=admin")),
    )


def a_chain(length: int, dice: random.Random) -> list[Line]:
    lines: list[Line] = []
    previous = GENESIS
    for position in range(1, length + 1):
        entry = an_entry(position, dice)
        sealed_at = entry.at + timedelta(seconds=1)
        previous = link(previous, position, sealed_at, entry)
        seal = Seal(position=position, entry_id=entry.id, sealed_at=sealed_at, hash=previous)
        lines.append((seal, entry))
    return lines


@dataclass(frozen=True)
class World:
    """A chain, the checkpoint of its end, and the verifier's states on the way."""

    lines: Sequence[Line]
    states: Sequence[Verifier]

    def is_found(self, position: int, rest: Sequence[Line], *, to_the_end: bool) -> bool:
        """Say whether verifying finds that what follows a position (from 0) is `rest` now.

        What comes before is as it was, so the verifier goes on from the state that it had there.
        `rest` is the chain's new end, or it is long enough to be found by itself.
        """
        state = copy(self.states[position // STEP])
        try:
            for seal, entry in (*self.lines[position // STEP * STEP : position], *rest):
                state.sealed(seal, entry)
            if to_the_end:
                state.finish()
        except BrokenError:
            return True
        return False


@pytest.fixture(scope="module")
def world() -> World:
    lines = a_chain(LENGTH, random.Random(4))  # noqa: S311 - the same chain in every run
    end = lines[-1][0]
    checkpoint = Checkpoint.sign(KEY, position=end.position, hash_=end.hash, at=end.sealed_at)
    judge = verifier([KEY.public_key()], [checkpoint])
    states = []
    for number, (seal, entry) in enumerate(lines):
        if number % STEP == 0:
            states.append(copy(judge))
        judge.sealed(seal, entry)
    judge.finish()
    assert judge.result().intact
    return World(lines, states)


def changed(value: Any, dice: random.Random) -> Any:
    match value:
        case None:
            return dice.choice(("", "x", 0))
        case bool() | int():
            return value + dice.choice((-1, 1))
        case datetime():
            return value + timedelta(microseconds=dice.choice((-1, 1)))
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case str() if value:
            at = dice.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case _:
            return f"{value} "


def change(lines: Sequence[Line], at: int, dice: random.Random) -> list[Line]:
    """Change one field of an entry or of its seal, with or without a new hash of its own."""
    seal, entry = lines[at]
    if dice.random() < 0.3:
        name = dice.choice(("position", "entry_id", "sealed_at", "hash"))
        return [(replace(seal, **{name: changed(getattr(seal, name), dice)}), entry)]
    name = dice.choice([field.name for field in fields(Entry)])
    other = replace(entry, **{name: changed(getattr(entry, name), dice)})
    if dice.random() < 0.5:
        return [(seal, other)]
    previous = lines[at - 1][0].hash if at else GENESIS
    own = link(previous, seal.position, seal.sealed_at, other)
    return [(replace(seal, hash=own), other)]


def insert(lines: Sequence[Line], at: int, dice: random.Random) -> list[Line]:
    """Put a well-made link in, and move the next ones on by one."""
    entry = replace(an_entry(at + 1, dice), id=LENGTH + 1 + at)
    previous = lines[at - 1][0].hash if at else GENESIS
    position, sealed_at = at + 1, lines[at][0].sealed_at
    seal = Seal(
        position=position,
        entry_id=entry.id,
        sealed_at=sealed_at,
        hash=link(previous, position, sealed_at, entry),
    )
    next_seal, next_entry = lines[at]
    return [(seal, entry), (replace(next_seal, position=position + 1), next_entry)]


def mutation(
    lines: Sequence[Line], dice: random.Random
) -> tuple[str, int, Callable[[], list[Line]]]:
    """Return a kind of mutation, where it begins, and what then follows there."""
    at = dice.randrange(len(lines) - 1)
    tail = lines[at + 1 : at + 2 + STEP]
    match dice.randrange(5):
        case 0:
            return "change", at, lambda: [*change(lines, at, dice), *tail]
        case 1:
            return "remove", at, lambda: list(tail)
        case 2:
            other = dice.randrange(at + 1, min(at + STEP, len(lines)))
            return "swap", at, lambda: [(lines[at][0], lines[other][1]), *tail]
        case 3:
            return "insert", at, lambda: [*insert(lines, at, dice), *tail]
        case _:
            return "cut", at, list


def test_ten_thousand_mutations_are_found(world: World) -> None:
    dice = random.Random(7)  # noqa: S311 - the same mutations in every run
    kinds: dict[str, int] = {}
    missed = []
    for number in range(MUTATIONS):
        kind, at, rest = mutation(world.lines, dice)
        kinds[kind] = kinds.get(kind, 0) + 1
        if not world.is_found(at, rest(), to_the_end=kind == "cut"):
            missed.append((number, kind, at))

    assert missed == []
    assert set(kinds) == {"change", "remove", "swap", "insert", "cut"}
    assert min(kinds.values()) > MUTATIONS / 10


def test_without_the_exported_checkpoint_a_cut_tail_is_the_one_thing_not_found(
    tmp_path: Path,
) -> None:
    lines = a_chain(50, random.Random(5))  # noqa: S311 - the same chain in every run
    end = lines[-1][0]
    checkpoint = Checkpoint.sign(KEY, position=50, hash_=end.hash, at=end.sealed_at)
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(to_line(*line) for line in lines[:40]))

    assert verify_export(file, [KEY.public_key()], []).intact
    cut = verify_export(file, [KEY.public_key()], [checkpoint])
    assert "the tail was cut off" in str(cut.problem)


def test_every_byte_of_fifty_sealed_rows_counts(tmp_path: Path) -> None:
    lines = a_chain(50, random.Random(6))  # noqa: S311 - the same chain in every run
    dice = random.Random(8)  # noqa: S311 - the same changes in every run
    end = lines[-1][0]
    checkpoint = Checkpoint.sign(KEY, position=50, hash_=end.hash, at=end.sealed_at)
    whole = b"".join(to_line(*line) for line in lines)
    file = tmp_path / "log.jsonl"
    missed = []
    for at in range(len(whole)):
        file.write_bytes(
            whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]
        )
        if not _is_told(file, checkpoint):
            missed.append((at, whole[max(0, at - 20) : at + 20]))

    file.write_bytes(whole)
    assert verify_export(file, [KEY.public_key()], [checkpoint]).intact
    assert missed == []


def _is_told(file: Path, checkpoint: Checkpoint) -> bool:
    """Say whether verifying finds a change, or refuses to read the file."""
    try:
        return not verify_export(file, [KEY.public_key()], [checkpoint]).intact
    except PermanentError:
        return True
