"""Rotations in a database without a cloud: an estate with applications, and a rotator that hears.

What the gateway asks for is handed to the rotator's own handlers; steps that need a cloud are
written down as the rotator would.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import orjson

from services.rotator import handlers
from services.rotator.domain.rotation import Place
from services.rotator.store import plans
from services.rotator.store.plans import Outcome
from services.rotator.store.rotations import Asked, Managed, add_rotation, save_credential
from shared.bus import Message
from shared.clock import utc_now
from shared.database import Pool
from shared.events import (
    CredentialChangeRequested,
    CredentialRef,
    Event,
    ItemKind,
    RotationChangeRequested,
    RotationFreezeChangeRequested,
    RotationPauseRequested,
    RotationPlanRequested,
    RotationPolicyChangeRequested,
    RotationRequested,
)
from shared.features import EvaluationFeatures
from tests.support.database import Database
from tests.support.gateway import SeedItem, seed_estate

CREDENTIALS: Final = "/api/v1/rotation-credentials"
ROTATIONS: Final = "/api/v1/rotations"
PLANS: Final = f"{ROTATIONS}/plans"
PAUSES: Final = f"{ROTATIONS}/pauses"
# Items of the estate below, by what they are. Their vaults: 1 (sub-a), 2 (sub-b), the directory.
PAY, WEB, OF_CERTIFICATE, SECRET, OTHER_SECRET, FOREIGN_SECRET, APP_CERTIFICATE = range(1, 8)
DIRECTORY: Final = 4
NAME: Final = "deploy 2026"
HASH: Final = "ab" * 32
DOCUMENT: Final[dict[str, Any]] = {
    "target": "object-1/client-1",
    "replaces": "key-1",
    "emergency": False,
    "lifetime_seconds": 7_776_000,
    "overlap_seconds": 172_800,
    "places": [{"vault": "https://kv-pay.test/", "name": "pay-db", "version": "v1"}],
    "steps": ["Make a new credential.", "Use it for a real request."],
    "refusals": [],
    "warnings": ["The target does not list the credential key-1 (any more)."],
}
_ASKED: Final[tuple[type[Event], ...]] = (
    RotationRequested,
    RotationPlanRequested,
    RotationChangeRequested,
    RotationPauseRequested,
    CredentialChangeRequested,
    RotationPolicyChangeRequested,
    RotationFreezeChangeRequested,
)


async def seed_rotations(database: Database) -> None:
    """Write three secrets in vaults, and an application's, another's and a principal's secrets."""
    await seed_estate(
        database,
        [
            SeedItem(name="pay-db", vault=1),
            SeedItem(name="web-db", vault=2),
            SeedItem(name="front", vault=1, managed=True),
        ],
    )
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO scanner.vault (kind, name) VALUES ('directory', 'Entra');
            INSERT INTO scanner.application (vault_id, kind, object_id, app_id, name)
            VALUES (4, 'application', 'object-1', 'client-1', 'payments-api'),
                   (4, 'service_principal', 'object-2', 'client-2', 'partner');
            INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed,
                   application_object_id, application_id, application_name)
            SELECT 4, i.kind, i.name, i.name, true, false, a.object_id, a.app_id, a.name
              FROM (VALUES (1, 'app_secret', 'deploy 2026', 1), (2, 'app_secret', 'tests', 1),
                           (3, 'app_secret', 'partner', 2), (4, 'app_certificate', 'signs', 1))
                AS i (n, kind, name, application)
              JOIN scanner.application AS a ON a.id = i.application
             ORDER BY i.n;
            INSERT INTO scanner.credential (item_id, application_id, key_id)
            VALUES (4, 1, 'key-1'), (5, 1, 'key-2'), (6, 2, 'key-3'), (7, 1, 'key-4');
            """
        )


async def published(database: Database, *types: type[Event]) -> list[Any]:
    """Return what was asked of the rotator, in order."""
    return [event for _, event in await _asked(database, types or _ASKED)]


async def hear(database: Database) -> None:
    """Let the rotator hear all that was asked of it; a plan comes out as `DOCUMENT`."""
    async with database.pool("rotator") as pool:
        for message, event in await _asked(database, _ASKED):
            await _handle(event, message, pool)


async def _asked(database: Database, types: tuple[type[Event], ...]) -> list[tuple[Message, Event]]:
    known = {kind.type: kind for kind in types}
    async with database.connection() as conn:
        rows = await conn.fetch(
            "SELECT id, type, body, created_at FROM bus.message WHERE type = ANY ($1)"
            " ORDER BY created_at, id",
            list(known),
        )
    return [
        (_message(row), known[row["type"]].model_validate(orjson.loads(row["body"])))
        for row in rows
    ]


def _message(row: Any) -> Message:
    return Message(
        id=row["id"],
        type=row["type"],
        source="gateway",
        time=row["created_at"],
        correlation_id=row["id"],
        causation_id=None,
        attempt=0,
        queue=f"rotator.{row['type']}",
    )


async def _handle(event: Event, message: Message, pool: Pool) -> None:
    def wake() -> None: ...

    match event:
        case RotationRequested():
            await handlers.on_rotation_requested(
                event, message, pool=pool, features=EvaluationFeatures(), wake=wake
            )
        case RotationChangeRequested():
            await handlers.on_rotation_change_requested(event, message, pool=pool, wake=wake)
        case RotationPauseRequested():
            await handlers.on_rotation_pause_requested(event, message, pool=pool, wake=wake)
        case CredentialChangeRequested():
            await handlers.on_credential_change_requested(event, message, pool=pool, wake=wake)
        case RotationPolicyChangeRequested():
            await handlers.on_rotation_policy_change_requested(event, message, pool=pool, wake=wake)
        case RotationFreezeChangeRequested():
            await handlers.on_rotation_freeze_change_requested(event, message, pool=pool, wake=wake)
        case RotationPlanRequested():
            async with pool.transaction() as conn:
                await plans.add(conn, _outcome(event))
        case _:
            raise AssertionError(event)


def _outcome(event: RotationPlanRequested) -> Outcome:
    return Outcome(
        id=event.plan_id,
        credential_id=event.credential_id,
        emergency=event.emergency,
        requested_by=event.requested_by,
        digest=HASH,
        document=DOCUMENT,
    )


async def confirmed(
    http: httpx.AsyncClient, database: Database, item: int = SECRET, *places: int
) -> str:
    """Have a credential rotated, and return its id."""
    body = {"item_id": item, "place_ids": list(places or (PAY,))}
    answer = await http.post(CREDENTIALS, json=body)
    assert answer.status_code == 202, answer.text
    await hear(database)
    found: str = answer.json()["id"]
    return found


async def begun(http: httpx.AsyncClient, database: Database, credential: str, **body: Any) -> str:
    """Ask for a rotation, let the rotator hear of it, and return its id."""
    answer = await http.post(ROTATIONS, json={"credential_id": credential, **body})
    assert answer.status_code == 202, answer.text
    await hear(database)
    found: str = answer.json()["id"]
    return found


async def move(
    database: Database, rotation: str, state: str, *, over: bool = False, reason: str | None = None
) -> None:
    """Write down that a rotation came to a state; one that waits has `HASH` as its plan's."""
    async with database.pool("rotator") as pool, pool.transaction() as conn:
        before = await conn.fetchval(
            "SELECT state FROM rotator.rotation WHERE id = $1", UUID(rotation)
        )
        await conn.execute(
            """
            UPDATE rotator.rotation
               SET state = $2, over = $3, reason = $4, plan_hash = $5, changed_at = $6,
                   plan = $7
             WHERE id = $1
            """,
            *(UUID(rotation), state, over, reason, HASH, utc_now(), DOCUMENT),
        )
        await conn.execute(
            """
            INSERT INTO rotator.rotation_step (rotation_id, previous_state, state, attempt, epoch)
            VALUES ($1, $2, $3, 0, 1)
            """,
            *(UUID(rotation), before, state),
        )


async def hold(
    database: Database, *item_ids: int, credential: UUID | None = None
) -> dict[str, str]:
    """Write down a rotation of a credential in these items, and a plan of it; return their ids."""
    credential, rotation, plan = credential or uuid4(), uuid4(), uuid4()
    subject = CredentialRef(
        item_id=999, kind=ItemKind.APP_SECRET, name="theirs", container="theirs-api"
    )
    managed = Managed(
        id=credential,
        driver="entra-app-secret",
        target=f"{credential}/client",
        subject=subject,
        places=[_place(item_id) for item_id in item_ids],
        key_id="key-9",
        lifetime=timedelta(days=90),
        overlap=timedelta(days=2),
    )
    asked = Asked(
        id=rotation, credential_id=credential, trigger_key=str(rotation), requested_by="somebody"
    )
    made = RotationPlanRequested(plan_id=plan, credential_id=credential, requested_by="somebody")
    async with database.pool("rotator") as pool, pool.transaction() as conn:
        await save_credential(conn, managed)
        await add_rotation(conn, asked)
        await plans.add(conn, _outcome(made))
    return {
        "credential_id": str(credential),
        "rotation_id": str(rotation),
        "plan_id": str(plan),
    }


def _place(item_id: int) -> Place:
    url, name = f"https://kv-{item_id}.test/", f"secret-{item_id}"
    reference = CredentialRef(item_id=item_id, kind=ItemKind.SECRET, name=name, container="kv")
    return Place(id=uuid4(), vault_url=url, name=name, reference=reference)
