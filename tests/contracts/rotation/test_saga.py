"""The saga on the real adapters: whole rotations in which answers are lost on the way."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from services.rotator.adapters import Clouds
from services.rotator.domain.marker import Marker
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import State
from services.rotator.ports import Ledger, Made, Verdict
from services.rotator.steps.hand import Hand
from services.rotator.steps.saga import STEPS
from services.rotator.steps.stopping import stop
from services.rotator.steps.turn import Parts, take
from shared.secret_value import SecretValue
from tests.support.rotation import (
    FOREIGN,
    LIFETIME,
    Driven,
    SandboxDriverRig,
    SandboxVaultRig,
    marker,
)
from tests.support.saga.harness import SUBJECT
from tests.support.saga.memory import Book, MemoryLedger, Row
from tests.support.saga.world import World

OVERLAP = 3_600.0
MOST_TURNS = 60


class NoCopies:
    """Implements `ports.Copies`."""

    async def missing(self, rotation: Rotation) -> Sequence[str]:
        del rotation
        return ()


def rotation_of(old: Made, target: str, place: Place) -> Rotation:
    return Rotation(
        id=uuid4(),
        credential_id=UUID(int=1),
        driver="entra-app-secret",
        target=target,
        subject=SUBJECT,
        state=State.SCHEDULED,
        places=(place,),
        overlap=timedelta(seconds=OVERLAP),
        lifetime=LIFETIME,
        old_key_id=old.key_id,
    )


async def run(rotation: Rotation, clouds: Clouds, control: Any) -> Rotation:
    """Let one process work until the rotation is over, while the sandbox's time passes."""
    world = World(overlap=0.0)
    book = Book(world)
    row = book.rows[rotation.id] = Row(rotation)
    ledger = Driven(MemoryLedger(book, UUID(int=1)))
    parts = Parts(
        ledger=cast("Ledger", ledger),
        drivers=clouds.drivers,
        vault=clouds.vault,
        copies=NoCopies(),
        hand=Hand(lambda: world.now),
    )
    for _ in range(MOST_TURNS):
        if row.rotation.is_over:
            break
        world.now = max(world.now, row.due) + 0.001
        control.set_clock(world.now)
        await take(parts, STEPS, stop)
    return row.rotation


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"path": "addPassword$", "reset": True, "after": True, "count": 1}],
        [{"path": "addPassword$", "status": 409, "count": 2}],
        [{"path": "^/secrets/", "method": "PUT", "reset": True, "after": True, "count": 1}],
        [{"path": "^/secrets/", "method": "PUT", "status": 429, "count": 1}],
        [{"path": "removePassword$", "status": 503, "after": True, "count": 1}],
        [
            {"path": "addPassword$", "status": 504, "after": True, "count": 2},
            {
                "path": "^/secrets/",
                "method": "PUT",
                "status": 500,
                "after": True,
                "count": 1,
            },
        ],
    ],
    ids=str,
)
async def test_a_rotation_ends_with_one_credential_that_works_whatever_answer_was_lost(
    entra: SandboxDriverRig, places: SandboxVaultRig, clouds: Clouds, faults: list[dict[str, Any]]
) -> None:
    old = await entra.make(marker())
    places.write(value=old.value.reveal())
    rotation = rotation_of(old, entra.target, places.place)

    with ExitStack() as stack:
        for fault in faults:
            stack.enter_context(entra.control.fault(**fault))
        ended = await run(rotation, clouds, entra.control)

    assert ended.state is State.COMPLETED, ended.reason
    current = await clouds.vault.current(places.place)
    assert current
    version, value = current
    assert version.tags.items() >= FOREIGN.items()
    assert version.key_id == ended.new_key_id
    assert version.expires_on
    held = Made(str(version.key_id), SecretValue(value.reveal()), None)
    assert (await entra.driver.test(entra.target, held)).verdict is Verdict.WORKS
    assert (await entra.driver.test(entra.target, old)).verdict is Verdict.NOT_YET
    standing = await entra.driver.look(entra.target)
    ours = [each.key_id for each in standing.credentials if _is_of(each.marker, rotation)]
    assert ours == [ended.new_key_id]
    assert set(standing.key_ids) == entra.foreign | {ended.new_key_id}


def _is_of(found: Marker | None, rotation: Rotation) -> bool:
    return found is not None and found.rotation_id == rotation.id
