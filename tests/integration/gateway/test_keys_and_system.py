"""Keys that survive a change of SECRET_KEY, and a platform that says honestly how it is."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.gateway.domain.role import Role
from services.gateway.domain.session import LEEWAY, LIFETIME
from services.gateway.domain.signing_key import SIGNS_FOR
from services.gateway.routes.system import summarise_services
from services.gateway.schedule import keep_tidy
from services.gateway.settings import Settings
from services.gateway.steps.housekeeping import tidy
from services.gateway.steps.keys import load_signing_keys, open_keyring
from services.gateway.steps.rotate_keys import rotate_keys
from services.gateway.steps.secret_keys import SecretKeys
from shared.audit import read_file, verify
from shared.bus import ServiceSeen
from shared.errors import SettingsError
from shared.settings import load_settings
from tests.support.database import Database
from tests.support.gateway import SECRET_KEY, Gateway, TestClock, running_gateway

NEW_KEY = token_hex(32)


async def test_two_replicas_that_start_at_once_share_their_keys(
    database: Database,
) -> None:
    async with database.pool("gateway") as pool:
        clock = TestClock()

        async def start() -> set[str]:
            ring = await open_keyring(pool, SecretKeys(SECRET_KEY), clock)
            return {key.kid for key in await load_signing_keys(pool, ring.session, clock)}

        found = await asyncio.gather(*(start() for _ in range(4)))

    assert len({frozenset(kids) for kids in found}) == 1
    assert len(found[0]) == 1


async def test_another_secret_key_wraps_the_keys_and_sessions_live_on(
    database: Database, tmp_path: Path
) -> None:
    both = {"secret_key": NEW_KEY, "secret_key_previous": SECRET_KEY}
    async with running_gateway(database, tmp_path) as before:
        token = await before.token(Role.VIEWER)

        async def asked(gateway: Gateway) -> int:
            async with gateway.client(authorization=f"Bearer {token}") as http:
                return (await http.get("/api/v1/auth/me")).status_code

        async with running_gateway(database, tmp_path, **both) as during:
            await rotate_keys(during.pool, SecretKeys(NEW_KEY, SECRET_KEY), during.clock)
            assert (await asked(before), await asked(during)) == (200, 200)
    async with running_gateway(database, tmp_path, secret_key=NEW_KEY) as after:
        assert await asked(after) == 200
    with pytest.raises(SettingsError, match="SECRET_KEY_PREVIOUS"):
        async with running_gateway(database, tmp_path):
            pass


async def test_signing_keys_change_every_ninety_days_and_old_tokens_work_to_their_end(
    gateway: Gateway,
) -> None:
    tokens = gateway.parts.sign_in.tokens
    gateway.clock.now += SIGNS_FOR - LIFETIME / 2
    old = await gateway.token(Role.VIEWER)
    gateway.clock.now += LIFETIME / 2
    await tokens.refresh()
    new = await gateway.token(Role.VIEWER)

    kids = {jwt.get_unverified_header(token)["kid"] for token in (old, new)}
    assert len(kids) == 2
    assert await tokens.read(old) is not None
    gateway.clock.now += LIFETIME + LEEWAY
    await tokens.refresh()
    assert await tokens.read(old) is None
    assert await tokens.read(new) is not None


async def test_a_key_that_another_replica_made_is_found_but_not_asked_for_all_the_time(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    clock = TestClock()
    async with (
        running_gateway(database, tmp_path, clock=clock) as one,
        running_gateway(database, tmp_path / "b", clock=clock) as two,
    ):
        clock.now += SIGNS_FOR
        await one.parts.sign_in.tokens.refresh()
        token = await one.token(Role.VIEWER)
        tokens = two.parts.sign_in.tokens
        found = await tokens.read(token)
        reads = 0

        async def counted() -> None:
            nonlocal reads
            reads += 1

        tokens.refresh = counted  # type: ignore[method-assign]
        forged = jwt.encode({}, "x" * 32, "HS256", headers={"kid": "unknown", "typ": "at+jwt"})
        for _ in range(5):
            assert await tokens.read(forged) is None

    assert found is not None
    assert reads == 0


async def test_checkpoints_leave_the_database_and_verify_with_the_key_beside_them(
    gateway: Gateway, tmp_path: Path
) -> None:
    await gateway.token(Role.VIEWER)
    [task] = [task for task in gateway.service.tasks if task.name == "audit sealer"]
    running = asyncio.create_task(task.run())  # type: ignore[arg-type]
    async with gateway.pool.acquire() as conn:
        while not await conn.fetchval("SELECT count(*) FROM audit.seal"):  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    exported = read_file(tmp_path / "audit" / "checkpoints.jsonl")
    key = load_pem_public_key((tmp_path / "audit" / "public-key.pem").read_bytes())
    async with gateway.pool.acquire() as conn:
        result = await verify(conn, [key], exported)  # type: ignore[list-item]
    assert exported
    assert result.intact
    assert result.sealed >= 1


async def test_system_health_names_who_is_missing_and_how_full_the_queues_are(
    gateway: Gateway,
) -> None:
    await gateway.service.bus.beat("test")
    async with await gateway.signed_in(Role.VIEWER) as http:
        health = (await http.get("/api/v1/system/health")).json()

    services = {entry["service"]: entry for entry in health["services"]}
    assert health["status"] == "degraded"
    assert services["gateway"]["status"] == "ok"
    assert services["gateway"]["replicas"] == 1
    assert services["scanner"]["status"] == "failed"
    assert "never seen" in services["scanner"]["detail"]
    assert set(services) == {"alerting", "gateway", "licensing", "rotator", "scanner", "syncer"}
    assert any(queue["queue"].startswith("scanner.") for queue in health["queues"])
    assert health["dead_letters"] == 0


def test_a_service_that_fell_silent_says_since_when() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)

    def beat(service: str, instance: str, age: float) -> ServiceSeen:
        return ServiceSeen(
            service=service, instance=instance, version="1", seen_at=at, age_seconds=age
        )

    seen = [beat("scanner", "a", 300), beat("scanner", "b", 2), beat("rotator", "a", 95)]
    found = {entry["service"]: entry for entry in summarise_services(seen)}

    assert (found["scanner"]["status"], found["scanner"]["replicas"]) == ("ok", 1)
    assert found["rotator"]["status"] == "failed"
    assert found["rotator"]["detail"].startswith("last seen 95 s ago")


async def test_housekeeping_asks_for_old_audit_entries_to_be_pruned(gateway: Gateway) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="last 90 days"):
        await keep_tidy(gateway.pool, gateway.clock, audit_kept=timedelta(days=89))


async def test_housekeeping_forgets_what_has_no_use(gateway: Gateway) -> None:
    async with await gateway.signed_in(Role.OPERATOR) as http:
        await http.post("/api/v1/scans", json={}, headers={"idempotency-key": "a"})
        await http.post("/api/v1/auth/login", json={"username": "nobody", "password": "wrong"})
    gateway.clock.forward(days=31)
    await tidy(gateway.pool, gateway.clock)
    counts = await gateway.pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM gateway.idempotency) AS keys,
               (SELECT count(*) FROM gateway.rate_bucket) AS buckets,
               (SELECT count(*) FROM gateway.login_standing WHERE failures > 0) AS standings,
               (SELECT count(*) FROM gateway.scan_request) AS scans,
               (SELECT count(*) FROM gateway.session) AS sessions
        """
    )

    assert counts is not None
    assert set(counts.values()) == {0}


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("trusted_proxies", "0.0.0.0/0", "trusts every address"),
        ("trusted_proxies", "nonsense", "does not appear"),
        ("public_origin", "certify.example", "PUBLIC_ORIGIN"),
        ("http_port", 70_000, "HTTP_PORT"),
        ("setup_token_hours", 0, "SETUP_TOKEN_HOURS"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(name: str, value: object, word: str) -> None:
    given = {"database_url": "postgresql://gateway:p@h/d", "secret_key": SECRET_KEY, name: value}

    with pytest.raises(SettingsError, match=word):
        load_settings(Settings, **given)
