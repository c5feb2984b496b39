"""Queues and dead letters over the API and the command line: seen, never a value, and recorded."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from services.gateway.domain.role import Permission, Role, allows
from services.gateway.domain.scope import Scope
from services.gateway.steps import dead_letters
from shared.bus.ops import DeadLetter, PostgresOperator
from shared.errors import PermanentError, SettingsError, TransientError
from shared.events import VaultScanned
from tests.support.bus import a_scanned_vault, valid_headers
from tests.support.database import Database
from tests.support.gateway import Gateway, run_command

QUEUE = f"alerting.{VaultScanned.type}"
PATH = f"/api/v1/queues/{QUEUE}/dead-letters"
CANARY = "hunter2-canary-value"


async def bury(
    database: Database, body: bytes, *, type_: str = VaultScanned.type, **headers: str
) -> UUID:
    """Lay a message aside as the bus does."""
    letter_id = uuid4()
    async with database.connection() as conn:
        await conn.execute(
            """
            INSERT INTO bus.dead_letter
                (queue, message_id, type, headers, body, attempts, reason, description)
            VALUES ($1, $2, $3, $4::text::jsonb, $5, 3, 'attempts_exhausted', 'It broke.')
            """,
            QUEUE,
            letter_id,
            type_,
            orjson.dumps({**valid_headers(a_scanned_vault()), **headers}).decode(),
            body,
        )
    return letter_id


async def test_every_queue_has_its_depth_age_and_consumers(
    gateway: Gateway, database: Database
) -> None:
    await gateway.service.bus.beat("test")
    async with gateway.pool.transaction() as conn:
        await conn.execute(
            "SELECT bus.publish($1, 'certifyclouds.license.refresh-requested.v1',"
            " '{\"ce-source\": \"gateway\"}', 'x', NULL)",
            uuid4(),
        )
    async with database.connection() as conn:
        await conn.execute("UPDATE bus.message SET created_at = now() - interval '90 seconds'")
    await bury(database, b"{}")
    async with await gateway.signed_in(Role.VIEWER) as http:
        rows = (await http.get("/api/v1/queues")).json()["data"]

    found = {row["queue"]: row for row in rows}
    waiting = found["licensing.certifyclouds.license.refresh-requested.v1"]
    assert (waiting["ready"], waiting["consumers"]) == (1, 0)
    assert waiting["age_seconds"] >= 90
    assert (found[QUEUE]["dead"], found[QUEUE]["age_seconds"]) == (1, 0)
    assert found["relay"]["consumers"] == 1
    assert {row["consumers"] for row in rows if row["queue"].startswith("gateway.")} == {1}


async def test_a_dead_letter_is_shown_as_far_as_its_event_s_class_knows_it(
    gateway: Gateway, database: Database
) -> None:
    event = a_scanned_vault(7)
    body = event.model_dump_json()[:-1] + f',"password":"{CANARY}"}}'
    letter_id = await bury(database, body.encode(), **{"x-note": CANARY})
    async with await gateway.signed_in(Role.VIEWER) as http:
        listed = await http.get("/api/v1/queues/dead-letters", params={"queue": QUEUE})
        shown = await http.get(f"{PATH}/{letter_id}")

    [summary] = listed.json()["data"]
    assert listed.json()["total"] == 1
    assert (summary["id"], summary["reason"], summary["attempts"]) == (
        str(letter_id), "attempts_exhausted", 3,
    )  # fmt: skip
    assert shown.json()["content"] == event.model_dump(mode="json")
    assert shown.json()["headers"]["ce-source"] == "gateway"
    assert CANARY not in listed.text + shown.text


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        (VaultScanned.type, f'{{"secret":"{CANARY}"}}'.encode()),
        (VaultScanned.type, b"\xff" + CANARY.encode()),
        ("certifyclouds.moon.landed.v1", f'{{"value":"{CANARY}"}}'.encode()),
    ],
)
async def test_of_a_body_that_cannot_be_read_only_size_and_digest_are_told(
    gateway: Gateway, database: Database, type_: str, body: bytes
) -> None:
    letter_id = await bury(database, body, type_=type_)
    async with await gateway.signed_in(Role.ADMIN) as http:
        shown = await http.get(f"{PATH}/{letter_id}")

    found = shown.json()
    assert (found["readable"], found["content"]) == (False, None)
    assert (found["bytes"], found["sha256"]) == (len(body), sha256(body).hexdigest())
    assert CANARY not in shown.text


def a_letter(body: bytes, description: str = "") -> DeadLetter:
    letter_id = uuid4()
    return DeadLetter(
        queue=QUEUE, id=letter_id, message_id=letter_id, type=VaultScanned.type, headers={},
        body=body, attempts=1, reason="r", description=description, dead_at=None,
    )  # fmt: skip


def test_what_looks_like_a_token_is_hidden_in_fields_that_may_be_shown() -> None:
    token = "Bearer " + "abcdefgh" * 5
    event = a_scanned_vault().model_copy(update={"vault_name": token})
    shown = dead_letters.inspect(a_letter(event.model_dump_json().encode(), token), whole=True)

    assert "abcdefgh" not in str(shown)


async def test_who_does_not_see_the_whole_inventory_is_shown_no_content_and_no_errors_words(
    gateway: Gateway, database: Database
) -> None:
    letter_id = await bury(database, a_scanned_vault().model_dump_json().encode())
    async with await gateway.signed_in(Role.VIEWER) as http:
        [whole] = (await http.get("/api/v1/queues/dead-letters")).json()["data"]
        gateway.see(lambda _: Scope())
        [listed] = (await http.get("/api/v1/queues/dead-letters")).json()["data"]
        found = (await http.get(f"{PATH}/{letter_id}")).json()

    assert (found["readable"], found["content"]) == (True, None)
    # They may name a vault or an item: “There is no db-password in kv-pay.”
    assert [one["description"] for one in (whole, listed, found)] == ["It broke.", "", ""]
    assert (listed["reason"], listed["attempts"]) == (whole["reason"], whole["attempts"])


async def test_a_dead_letter_is_put_back_under_its_id_and_that_is_in_the_audit_log(
    gateway: Gateway, database: Database
) -> None:
    body = a_scanned_vault().model_dump_json().encode()
    letter_id, _ = await bury(database, body), await bury(database, body)
    async with await gateway.signed_in(Role.OPERATOR) as http:
        moved = await http.post(f"{PATH}/replay", json={"id": str(letter_id)})
        gone = await http.post(f"{PATH}/replay", json={"id": str(letter_id)})
        rest = await http.post(f"{PATH}/replay", json={"all": True})
    async with database.connection() as conn:
        waiting = await conn.fetch(
            "SELECT m.id, m.body FROM bus.delivery d JOIN bus.message m ON m.id = d.message_id"
            " WHERE d.queue = $1 ORDER BY d.seq",
            QUEUE,
        )
        audited = await conn.fetch(
            "SELECT subject, scope, amount, outcome FROM audit.entry"
            " WHERE action = 'dead-letter:replayed' ORDER BY id"
        )

    assert (moved.json(), gone.status_code, rest.json()) == ({"count": 1}, 404, {"count": 1})
    assert (waiting[0]["id"], waiting[0]["body"]) == (letter_id, body)
    assert [tuple(row) for row in audited] == [
        (QUEUE, str(letter_id), 1, "done"), (QUEUE, "all", 1, "done"),
    ]  # fmt: skip


async def test_only_an_administrator_deletes_dead_letters_and_that_is_in_the_audit_log(
    gateway: Gateway, database: Database
) -> None:
    for _ in range(3):
        await bury(database, b"{}")
    async with await gateway.signed_in(Role.ADMIN) as http:
        purged = await http.post(f"{PATH}/purge", json={"all": True})
        left = await http.get("/api/v1/queues/dead-letters")

    assert {role for role in Role if allows(role, Permission.PURGE_DEAD_LETTERS)} == {Role.ADMIN}
    assert purged.json() == {"count": 3}
    assert left.json() == {"data": [], "total": 0}
    action, _, subject, outcome = (await gateway.actions())[-1]
    assert (action, subject, outcome) == ("dead-letter:purged", QUEUE, "done")


@pytest.mark.parametrize("body", [{}, {"all": False}, {"all": True, "id": str(uuid4())}])
async def test_what_is_meant_must_be_said(
    gateway: Gateway, database: Database, body: dict[str, Any]
) -> None:
    await bury(database, b"{}")
    async with await gateway.signed_in(Role.ADMIN) as http:
        refused = [await http.post(f"{PATH}/{act}", json=body) for act in ("replay", "purge")]
        left = (await http.get("/api/v1/queues/dead-letters")).json()["total"]

    assert {answer.status_code for answer in refused} == {422}
    assert left == 1


async def test_a_queue_that_is_not_there_is_not_found(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.ADMIN) as http:
        answers = [
            await http.get("/api/v1/queues/dead-letters", params={"queue": "no.such"}),
            await http.post("/api/v1/queues/no.such/dead-letters/purge", json={"all": True}),
            await http.get(f"{PATH}/{uuid4()}"),
        ]

    assert [answer.status_code for answer in answers] == [404] * 3


async def test_a_broker_that_does_not_answer_is_said_and_its_address_is_not(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> Any:
        raise TransientError("RabbitMQ at rabbit.internal:5672/ does not answer.")

    letter_id = await bury(database, b"{}")
    monkeypatch.setattr(PostgresOperator, "replay", away)
    async with await gateway.signed_in(Role.ADMIN) as http:
        failed = await http.post(f"{PATH}/replay", json={"id": str(letter_id)})
        monkeypatch.setattr(PostgresOperator, "depths", away)
        listed = await http.get("/api/v1/queues")
        health = (await http.get("/api/v1/system/health")).json()

    assert [failed.status_code, listed.status_code] == [503, 503]
    assert "what waits there is kept" in failed.json()["detail"]
    assert "rabbit.internal" not in failed.text + listed.text
    assert (health["status"], health["queues"], health["dead_letters"]) == ("degraded", None, None)
    outcomes = [(action, outcome) for action, _, _, outcome in await gateway.actions()]
    assert outcomes[-2:] == [("dead-letter:replayed", "done"), ("dead-letter:replayed", "failed")]


@pytest.mark.usefixtures("reachable")
async def test_the_command_line_lists_shows_replays_and_purges(database: Database) -> None:
    body = a_scanned_vault().model_dump_json().encode()
    ids = [str(await bury(database, body)) for _ in range(4)]
    table = await run_command("queues")
    depths = json.loads((await run_command("queues", "--json")).stdout)
    listed = json.loads(
        (await run_command("dead-letters", "list", "--queue", QUEUE, "--json")).stdout
    )
    few = await run_command("dead-letters", "list", "--limit", "1")
    shown = json.loads((await run_command("dead-letters", "show", QUEUE, ids[0], "--json")).stdout)
    one = await run_command("dead-letters", "replay", QUEUE, ids[0])
    other = await run_command("dead-letters", "purge", QUEUE, ids[1], "--json")
    rest = await run_command("dead-letters", "purge", QUEUE, "--all")

    assert "alerting" in table.stdout
    assert [row["dead"] for row in depths if row["queue"] == QUEUE] == [4]
    assert {letter["id"] for letter in listed} == set(ids)
    assert "4 in all" in few.stderr
    assert shown["content"]["vault_name"] == "kv-pay"
    assert one.stdout == f"1 put back into {QUEUE}.\n"
    assert json.loads(other.stdout) == {"count": 1}
    assert rest.stdout == f"2 of {QUEUE} deleted.\n"


@pytest.mark.usefixtures("reachable")
async def test_the_command_line_says_what_was_refused(database: Database) -> None:
    await bury(database, b"{}")
    unsaid = await run_command("dead-letters", "purge", QUEUE)
    both = await run_command("dead-letters", "replay", QUEUE, str(uuid4()), "--all")
    unknown = await run_command("dead-letters", "show", QUEUE, str(uuid4()))

    assert isinstance(unsaid.exception, SettingsError)
    assert isinstance(both.exception, SettingsError)
    assert isinstance(unknown.exception, PermanentError)
    assert "no such dead letter" in str(unknown.exception)
